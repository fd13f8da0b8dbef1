import { isFieldName } from './http1/field-lines.ts';

/**
 * What a proxy has to do with a header field, by its name.
 *
 * - `pass`: end to end, not ours to touch
 * - `hop`: of one connection only (RFC 9110 §7.6.1), or never to be passed on (`Proxy`, httpoxy)
 * - `forwarded`: says who the client is; only this proxy may say so, whatever the spelling (`X_Forwarded_For` becomes
 *   X-Forwarded-For in CGI-like backends)
 * - the rest: read by the proxy itself
 */
export type HeaderKind =
  | 'pass'
  | 'hop'
  | 'forwarded'
  | 'forwarded-for'
  | 'request-id'
  | 'connection'
  | 'host'
  | 'content-length'
  | 'content-type'
  | 'transfer-encoding'
  | 'te'
  | 'expect'
  | 'upgrade'
  | 'user-agent'
  | 'cookie';

export interface HeaderName {
  readonly kind: HeaderKind;
  readonly lower: string;
  /** False: no name at all; such a field must never be written. */
  readonly isToken: boolean;
}

const KINDS: ReadonlyMap<string, HeaderKind> = new Map<string, HeaderKind>([
  ['connection', 'connection'],
  ['keep-alive', 'hop'],
  ['proxy-connection', 'hop'],
  ['proxy', 'hop'],
  ['http2-settings', 'hop'],
  // The fields that follow the body say themselves what they are; announced names would only mislead once some are dropped.
  ['trailer', 'hop'],
  ['transfer-encoding', 'transfer-encoding'],
  ['te', 'te'],
  ['upgrade', 'upgrade'],
  ['host', 'host'],
  ['content-length', 'content-length'],
  ['content-type', 'content-type'],
  ['expect', 'expect'],
  ['user-agent', 'user-agent'],
  ['cookie', 'cookie'],
  ['forwarded', 'forwarded'],
  ['x-forwarded', 'forwarded'],
  ['x-real-ip', 'forwarded'],
  ['x-forwarded-for', 'forwarded-for'],
  ['x-request-id', 'request-id'],
]);

/** Names as clients and backends spell them. Filled first come, then closed: a stranger's names can't grow or churn it. */
const known = new Map<string, HeaderName>();
const MAX_KNOWN = 1024;
const MAX_KNOWN_LENGTH = 64;

/** Cost: one Map read for a spelling seen before. */
export function headerName(name: string): HeaderName {
  const seen = known.get(name);
  if (seen) return seen;
  const lower = name.toLowerCase();
  const entry: HeaderName = { kind: kindOf(lower), lower, isToken: isFieldName(name) };
  if (known.size < MAX_KNOWN && name.length <= MAX_KNOWN_LENGTH) known.set(name, entry);
  return entry;
}

function kindOf(lower: string): HeaderKind {
  const kind = KINDS.get(lower);
  if (kind) return kind;
  const dashed = lower.includes('_') ? lower.replaceAll('_', '-') : lower;
  if (dashed.startsWith('x-forwarded-')) return 'forwarded';
  if (dashed === lower) return 'pass';
  const alias = KINDS.get(dashed);
  return alias === 'forwarded' || alias === 'request-id' ? 'forwarded' : 'pass';
}
