import type { ConfigPath, Reporter } from '../../../../mcdsl/config/index.ts';
import type { FirewallRule } from '../../../firewall/index.ts';
import type { RouteSpec } from '../../../proxy/model.ts';
import type { Certificates, PreparedMaterial } from '../../certificates/index.ts';
import type { RateLimitSettings } from '../../config/index.ts';
import type { StoredPolicy } from '../../store/index.ts';
import type { ApiState } from '../api-state.ts';
import type { Desired } from '../desired.ts';

/** What a change set asks for, as far as it was read. */
export interface Draft extends ApiState {
  readonly routes: Map<string, Map<string, RouteSpec>>;
  readonly rules: Map<string, FirewallRule>;
  readonly policies: Map<string, readonly StoredPolicy[]>;
  rateLimit: RateLimitSettings | null;
  /** The files of routes that are new or changed, by route id. */
  readonly prepared: Map<string, PreparedMaterial>;
}

/** What a text is judged by, and where its mistakes go. */
export interface Judging {
  readonly desired: Desired;
  readonly certificates: Certificates;
  readonly report: Reporter;
  readonly draft: Draft;
}

export function emptyDraft(): Draft {
  return { routes: new Map(), rules: new Map(), policies: new Map(), rateLimit: null, prepared: new Map() };
}

/**
 * Who owns what the text names. What the configuration file says already needs no entry of the API; but an entry that the API has
 * already stays, so that an exported text changes nothing.
 * @returns whether the API is to have it
 */
export function isOfApi(sameAsFile: boolean, sameAsApi: boolean): boolean {
  return sameAsApi || !sameAsFile;
}

/** Reports the second of two entries that may be there once, and says whether it is one. */
export function isRepeated(
  seen: Map<string, ConfigPath>,
  key: string,
  path: ConfigPath,
  message: string,
  report: Reporter,
): boolean {
  const first = seen.get(key);
  if (first) report(path, message, { related: { path: first, message: 'the first one' } });
  else seen.set(key, path);
  return first !== undefined;
}
