import type { Certificates } from '../certificates/index.ts';
import { parseFirewallRule, type FirewallRule, type FirewallRuleKind } from '../../firewall/index.ts';
import type { Origin } from '../../proxy/model.ts';
import { parseRateLimit, type RateLimitSettings } from '../config/index.ts';
import { proxyErrors } from '../errors.ts';
import { carryingOut } from './api-changes.ts';
import type { Validated } from './change.ts';
import { rateLimit, type Desired } from './desired.ts';
import { ruleId } from './keys.ts';

export interface AddRuleResult {
  readonly rule: FirewallRule;
  readonly origin: Origin;
  readonly changed: boolean;
  readonly generation: number;
}

export interface RemoveRuleResult {
  readonly generation: number;
}

export interface SetRateLimitResult {
  readonly rateLimit: RateLimitSettings;
  readonly origin: Origin;
  readonly generation: number;
}

const MAX_API_RULES = 1_000_000;

export function addFirewallRule(
  desired: Desired,
  certificates: Certificates,
  kind: FirewallRuleKind,
  value: string,
): Validated<AddRuleResult> {
  const rule = checkRule(kind, value);
  const id = ruleId(rule);
  const answer = (changed: boolean, origin: Origin): AddRuleResult => ({
    rule,
    origin,
    changed,
    generation: desired.generation,
  });
  if (desired.configuredRules.has(id)) return { kind: 'none', answer: answer(false, 'config') };
  if (desired.apiRules.has(id)) return { kind: 'none', answer: answer(false, 'api') };
  if (desired.apiRules.size >= MAX_API_RULES) {
    throw proxyErrors.error('too_large', `the API holds ${MAX_API_RULES} rules already; remove some first`);
  }
  return {
    kind: 'plan',
    ...carryingOut(desired, certificates, [{ kind: 'rule_put', rule }]),
    events: [{ kind: 'firewall', rule: id, detail: 'added by the API' }],
    answer: () => answer(true, 'api'),
  };
}

export function removeFirewallRule(
  desired: Desired,
  certificates: Certificates,
  kind: FirewallRuleKind,
  value: string,
): Validated<RemoveRuleResult> {
  const rule = checkRule(kind, value);
  const id = ruleId(rule);
  const configured = desired.configuredRules.get(id);
  if (configured) {
    const place = desired.configured.place(configured.path);
    const message = `the rule ${id} comes from the configuration file; remove it at ${place} and reload (SIGHUP)`;
    throw proxyErrors.error('rule_is_configured', message, { place });
  }
  if (!desired.apiRules.has(id)) throw proxyErrors.error('rule_not_found', `there is no rule ${id}`);
  return {
    kind: 'plan',
    ...carryingOut(desired, certificates, [{ kind: 'rule_remove', rule }]),
    events: [{ kind: 'firewall', rule: id, detail: 'removed by the API' }],
    answer: () => ({ generation: desired.generation }),
  };
}

/** @param windowMs 0: the window that is in force */
export function setRateLimit(
  desired: Desired,
  certificates: Certificates,
  limit: number,
  windowMs: number,
): Validated<SetRateLimitResult> {
  const parsed = parseRateLimit({ limit, windowMs: windowMs === 0 ? rateLimit(desired).windowMs : windowMs });
  if (!parsed.ok) throw proxyErrors.error('rate_limit_invalid', parsed.reason);
  const { value } = parsed;
  const before = desired.apiRateLimit;
  const answer = (): SetRateLimitResult => ({ rateLimit: value, origin: 'api', generation: desired.generation });
  if (before?.limit === value.limit && before.windowMs === value.windowMs) return { kind: 'none', answer: answer() };
  return {
    kind: 'plan',
    ...carryingOut(desired, certificates, [{ kind: 'rate_limit_put', rateLimit: value }]),
    events: [
      { kind: 'firewall', rule: `rate_limit ${value.limit} per ${value.windowMs} ms`, detail: 'set by the API' },
    ],
    answer,
  };
}

/** Forgets the API's setting; the one of the file is in force again. */
export function resetRateLimit(desired: Desired, certificates: Certificates): Validated<SetRateLimitResult> {
  const answer = (): SetRateLimitResult => ({
    rateLimit: rateLimit(desired),
    origin: 'config',
    generation: desired.generation,
  });
  if (!desired.apiRateLimit) return { kind: 'none', answer: answer() };
  return {
    kind: 'plan',
    ...carryingOut(desired, certificates, [{ kind: 'rate_limit_remove' }]),
    events: [{ kind: 'firewall', rule: 'rate_limit', detail: 'reset to the configuration file by the API' }],
    answer,
  };
}

function checkRule(kind: FirewallRuleKind, value: string): FirewallRule {
  const parsed = parseFirewallRule(kind, value);
  if (parsed.kind === 'invalid') throw proxyErrors.error('rule_invalid', parsed.reason, { kind });
  return parsed.rule;
}
