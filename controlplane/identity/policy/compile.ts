import { accountTypes, roles, type AccountType, type Effect, type PolicyRule, type Role } from './model.ts';

/** A rule in the form that is evaluated. Masks have one bit a word of the closed lists; 0 and null stand for an empty condition. */
export interface CompiledRule {
  readonly id: number;
  readonly priority: number;
  readonly effect: Effect;
  readonly roleMask: number;
  readonly typeMask: number;
  readonly accounts: ReadonlySet<string> | null;
  readonly services: ReadonlySet<string> | null;
  readonly tags: readonly string[];
  readonly notBefore: number;
  readonly expiresAt: number;
}

/**
 * The whole policy at one revision. Immutable: a change compiles a new one and swaps the reference, so an evaluation never sees
 * half a change.
 */
export interface PolicySnapshot {
  readonly revision: number;
  /** The set as it was written, disabled rules included, by id. */
  readonly rules: readonly PolicyRule[];
  /** Enabled rules by priority, then id: the order of evaluation. */
  readonly ordered: readonly CompiledRule[];
  /** Enabled rules that name a service, by that service; each list in the order of evaluation. */
  readonly byService: ReadonlyMap<string, readonly CompiledRule[]>;
  /** Enabled rules that name no service. */
  readonly anyService: readonly CompiledRule[];
}

/**
 * Compiles a set of valid rules. The order in which they are given has no influence. Cost and memory are linear in the rules and
 * the services that they name; an evaluation then looks only at rules that can concern its service.
 */
export function compilePolicy(rules: readonly PolicyRule[], revision: number): PolicySnapshot {
  const ordered = rules
    .filter((rule) => rule.enabled)
    .toSorted((a, b) => a.priority - b.priority || a.id - b.id)
    .map(compileRule);
  const byService = new Map<string, CompiledRule[]>();
  for (const rule of ordered) {
    for (const service of rule.services ?? []) {
      const list = byService.get(service);
      if (list === undefined) byService.set(service, [rule]);
      else list.push(rule);
    }
  }
  return Object.freeze({
    revision,
    rules: Object.freeze(rules.toSorted((a, b) => a.id - b.id)),
    ordered: Object.freeze(ordered),
    byService,
    anyService: Object.freeze(ordered.filter((rule) => rule.services === null)),
  });
}

export function roleMaskOf(given: readonly Role[]): number {
  let mask = 0;
  for (const role of given) mask |= 1 << roles.indexOf(role);
  return mask;
}

export function typeMaskOf(given: readonly AccountType[]): number {
  let mask = 0;
  for (const type of given) mask |= 1 << accountTypes.indexOf(type);
  return mask;
}

function compileRule(rule: PolicyRule): CompiledRule {
  return Object.freeze({
    id: rule.id,
    priority: rule.priority,
    effect: rule.effect,
    roleMask: roleMaskOf(rule.roles),
    typeMask: typeMaskOf(rule.accountTypes),
    accounts: setOrNull(rule.accounts),
    services: setOrNull(rule.services),
    tags: Object.freeze([...new Set(rule.tags)]),
    notBefore: rule.notBefore ?? -Infinity,
    expiresAt: rule.expiresAt ?? Infinity,
  });
}

function setOrNull(list: readonly string[]): ReadonlySet<string> | null {
  return list.length === 0 ? null : new Set(list);
}
