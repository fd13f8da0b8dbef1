import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { refusalOf } from '../errors.ts';
import { openStore } from '../store/index.ts';
import { addAccount } from '../test-support/add-account.ts';
import { startOfTests } from '../test-support/clock.ts';
import { openTempStore, type TempStore } from '../test-support/temp-store.ts';
import {
  accountDirectory,
  createPolicyStore,
  evaluate,
  formatPolicyFile,
  parseContext,
  parsePolicyFile,
  policyRevision,
  toWire,
  writeBaselineRules,
  type PolicyStore,
} from './index.ts';
import { exampleRules, examples } from './test/worked-examples.ts';

const now = startOfTests;
const change = { by: 'root', now, revision: null };
const rule = { priority: 10, effect: 'deny', tags: ['env:restricted'] };

let temp: TempStore;
let policy: PolicyStore;
beforeEach(() => {
  temp = openTempStore();
  policy = createPolicyStore(temp.store.reader);
});
afterEach(() => temp[Symbol.dispose]());

const create = (input: unknown, revision: number | null = null) =>
  temp.store.change((w) => policy.create(w, input, { ...change, revision }));
const replace = (input: unknown, revision: number | null = null) =>
  temp.store.change((w) => policy.replace(w, input, { ...change, revision }));

function refusedFor(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return { code: (error as { code: string }).code, reason: refusalOf(error)?.reason };
  }
  return 'done';
}

describe('rules in the database', () => {
  it('IA-28 start with the baseline: users and system accounts, everybody else denied', () => {
    temp.store.change((w) => writeBaselineRules(w, { by: 'init', now }));
    const { rules, revision } = policy.snapshot();
    expect(revision).toBe(1);
    expect(rules).toMatchObject([
      { id: 1, priority: 900, effect: 'allow', roles: ['user'] },
      { id: 2, priority: 900, effect: 'allow', accountTypes: ['system'] },
    ]);
    temp.store.change((w) => policy.remove(w, 1, change));
    expect(policy.snapshot().rules.map(({ id }) => id)).toEqual([2]);
  });

  it('are created, replaced and removed, each time with the next revision', () => {
    expect(create(rule)).toMatchObject({ id: 1, priority: 10, tags: ['env:restricted'] });
    expect(create({ ...rule, priority: 11 }, 1).id).toBe(2);
    temp.store.change((w) => policy.put(w, 1, { ...rule, effect: 'allow' }, { ...change, revision: 2 }));
    expect(policy.snapshot()).toMatchObject({ revision: 3, rules: [{ id: 1, effect: 'allow' }, { id: 2 }] });
    temp.store.change((w) => policy.remove(w, 2, { ...change, revision: 3 }));
    expect(create(rule).id).toBe(3);
    expect(policyRevision(temp.store.reader)).toBe(5);
  });

  it('IA-31 a change of a stale revision changes nothing', () => {
    create(rule);
    const before = policy.snapshot();
    const stale = { ...change, revision: 0 };
    for (const work of [
      () => create(rule, 0),
      () => replace([], 0),
      () => temp.store.change((w) => policy.put(w, 1, rule, stale)),
      () => temp.store.change((w) => policy.remove(w, 1, stale)),
    ]) {
      expect(refusedFor(work)).toEqual({ code: 'conflict', reason: 'stale_revision' });
    }
    expect(policy.snapshot()).toBe(before);
  });

  it('IA-30 bad input row 41: a bad rule is refused, naming the field, and the set is unchanged', () => {
    create(rule);
    const before = policy.snapshot();
    const bad = [rule, { ...rule, roles: ['root'] }];
    for (const work of [
      () => create({ ...rule, priority: 0 }),
      () => create({ ...rule, id: 7 }),
      () => replace(bad),
      () => temp.store.change((w) => policy.put(w, 1, { ...rule, id: 2 }, change)),
    ]) {
      expect(refusedFor(work)).toEqual({ code: 'invalid_argument', reason: 'bad_rule' });
    }
    expect(() => replace(bad)).toThrow(
      expect.objectContaining({ details: expect.objectContaining({ field: 'rules[1].roles[0]' }) }),
    );
    expect(refusedFor(() => temp.store.change((w) => policy.put(w, 9, rule, change)))).toMatchObject({
      code: 'not_found',
    });
    expect(policy.snapshot()).toBe(before);
  });

  it('IA-31 a set is replaced whole; rules keep their ids, new ones get ids that nothing had', () => {
    create(rule);
    create(rule);
    const rules = replace([
      { ...rule, id: 2, priority: 5 },
      { ...rule, priority: 6 },
      { ...rule, id: 9, priority: 7 },
    ]);
    expect(rules.map(({ id, priority }) => [id, priority])).toEqual([
      [2, 5],
      [9, 7],
      [10, 6],
    ]);
    expect(policy.snapshot()).toMatchObject({ revision: 3, rules });
    expect(replace([])).toEqual([]);
  });

  it('IA-31 a change that is undone with its transaction leaves the old set in force', () => {
    create(rule);
    const failing = () =>
      temp.store.change((w) => {
        policy.replace(w, [], change);
        throw new Error('audit could not be written');
      });
    expect(failing).toThrow('audit could not be written');
    expect(policy.snapshot()).toMatchObject({ revision: 1, rules: [{ id: 1 }] });
  });

  it('IA-65 the 1001st is refused with table_full', () => {
    replace(Array.from({ length: 1_000 }, () => rule));
    expect(refusedFor(() => create(rule))).toEqual({ code: 'table_full', reason: 'table_full' });
    expect(refusedFor(() => replace(Array.from({ length: 1_001 }, () => rule)))).toMatchObject({ code: 'table_full' });
    expect(policy.snapshot().rules).toHaveLength(1_000);
  });

  it('IA-31 a change of another process is in force at the next evaluation', () => {
    expect(policy.snapshot().rules).toEqual([]);
    using other = openStore({ path: temp.path });
    other.change((w) => createPolicyStore(other.reader).create(w, rule, change));
    expect(policy.snapshot()).toMatchObject({ revision: 1, rules: [{ id: 1 }] });
  });
});

describe('rules about accounts', () => {
  it('follow an account that is renamed, and show its name', () => {
    const ann = addAccount(temp.store, 'ann');
    create({ priority: 1, effect: 'deny', accounts: ['Ann'] });
    temp.store.change((w) => w.run("UPDATE accounts SET name = 'anna' WHERE id = ?", [ann]));
    const { rules } = policy.snapshot();
    expect(rules[0]?.accounts).toEqual([ann]);
    expect(toWire(rules[0]!, accountDirectory(temp.store.reader)).accounts).toEqual(['anna']);
    expect(refusedFor(() => create({ priority: 1, effect: 'deny', accounts: ['ann'] }))).toMatchObject({
      reason: 'bad_rule',
    });
  });

  it('IA-28 the worked examples hold for the set that went through a file and the database', () => {
    const agent = addAccount(temp.store, 'mcp-agent', 'system');
    const placeholder = exampleRules.find(({ accounts }) => accounts.length > 0)?.accounts[0];
    const directory = accountDirectory(temp.store.reader);
    const wires = exampleRules.map((r) => toWire({ ...r, accounts: r.accounts.map(() => agent) }, directory));
    const parsed = parsePolicyFile(formatPolicyFile(wires, 1), 'policy.toml');
    replace(parsed.ok ? parsed.rules : null);
    for (const { account, service, tags, decision } of examples) {
      const context = parseContext(service, tags);
      if (!context.ok) throw new Error(context.message);
      const asked = account.id === placeholder ? { ...account, id: agent } : account;
      const question = { account: asked, context: context.context, now };
      expect(evaluate(policy.snapshot(), question, 'enforce').decision).toEqual(decision);
    }
  });
});
