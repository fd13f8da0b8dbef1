import { isDeepStrictEqual } from 'node:util';
import { parseFirewallRule } from '../../../firewall/index.ts';
import { correctionOf, firewallLists } from '../../config/check-firewall.ts';
import { ruleId } from '../keys.ts';
import { isOfApi, type Judging } from './draft.ts';
import { DEFAULT_WINDOW_MS, type ChangeSetConfig } from './schema.ts';

/** Takes rules and rate limit into the draft. Without `rate_limit` the one of the configuration file is in force. */
export function takeFirewall({ desired, report, draft }: Judging, firewall: ChangeSetConfig['firewall']): void {
  for (const [list, kind] of firewallLists()) {
    firewall[list].forEach((text, index) => {
      const parsed = parseFirewallRule(kind, text);
      if (parsed.kind === 'invalid') {
        report(['firewall', list, index], parsed.reason, correctionOf(text));
        return;
      }
      const id = ruleId(parsed.rule);
      if (isOfApi(desired.configuredRules.has(id), desired.apiRules.has(id))) draft.rules.set(id, parsed.rule);
    });
  }
  const { rate_limit: limit, rate_window: windowMs } = firewall;
  if (limit === undefined) {
    if (windowMs === undefined || report.partial) return;
    report(['firewall', 'rate_window'], 'rate_window has no effect without rate_limit', {
      expected: 'rate_limit beside it, or no rate_window',
    });
    return;
  }
  const wanted = { limit, windowMs: windowMs ?? DEFAULT_WINDOW_MS };
  const sameAsFile = isDeepStrictEqual(wanted, desired.configured.rateLimit);
  if (isOfApi(sameAsFile, isDeepStrictEqual(wanted, desired.apiRateLimit))) draft.rateLimit = wanted;
}
