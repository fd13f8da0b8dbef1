import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { parseContext } from './context.ts';
import { formatPolicyFile, parsePolicyFile } from './file.ts';
import { maxRules, parseRule, parseRuleSet, toWire, type AccountDirectory } from './rule.ts';

const ann = '00000000-0000-4000-8000-000000000001';
const directory: AccountDirectory = {
  find: (reference) => (reference === 'ann' || reference === ann ? ann : null),
  nameOf: (id) => (id === ann ? 'ann' : null),
};
const smallest = { priority: 1, effect: 'allow' };

function fieldsOf(input: unknown): string[] {
  const parsed = parseRule(input, directory);
  return parsed.ok ? [] : parsed.issues.map(({ field }) => field);
}

describe('rules as they are written', () => {
  it('fill in what is left out', () => {
    expect(parseRule(smallest, directory)).toEqual({
      ok: true,
      value: {
        id: null,
        priority: 1,
        effect: 'allow',
        enabled: true,
        description: '',
        roles: [],
        accountTypes: [],
        accounts: [],
        services: [],
        tags: [],
        notBefore: null,
        expiresAt: null,
      },
    });
  });

  it.each([
    ['an unknown key', { ...smallest, service: ['mcq'] }, 'service'],
    ['__proto__ as a key', JSON.parse('{"priority":1,"effect":"allow","__proto__":{"x":1}}'), '__proto__'],
    ['priority 0', { ...smallest, priority: 0 }, 'priority'],
    ['priority 65536', { ...smallest, priority: 65_536 }, 'priority'],
    ['a priority between two', { ...smallest, priority: 1.5 }, 'priority'],
    ['no priority', { effect: 'deny' }, 'priority'],
    ['17 tags', { ...smallest, tags: Array.from({ length: 17 }, (_, index) => `t${index}`) }, 'tags'],
    ['role root', { ...smallest, roles: ['user', 'root'] }, 'roles[1]'],
    ['an unknown account type', { ...smallest, account_types: ['robot'] }, 'account_types[0]'],
    ['an unknown effect', { ...smallest, effect: 'log' }, 'effect'],
    ['a service name in capitals', { ...smallest, services: ['MCQ'] }, 'services[0]'],
    ['a tag with a space', { ...smallest, tags: ['env: prod'] }, 'tags[0]'],
    ['an account that does not exist', { ...smallest, accounts: ['ann', 'anne'] }, 'accounts[1]'],
    ['a time without a zone', { ...smallest, not_before: '2026-01-01T00:00:00' }, 'not_before'],
    ['a day that is not in the calendar', { ...smallest, expires_at: '2026-02-30T00:00:00Z' }, 'expires_at'],
    [
      'a window that is empty',
      { ...smallest, not_before: '2026-01-01T00:00:00Z', expires_at: '2026-01-01T00:00:00Z' },
      'expires_at',
    ],
    ['no object at all', ['allow'], 'rule'],
  ])('IA-30 bad input row 41: %s is refused, naming the field', (_, input, field) => {
    expect(fieldsOf(input)).toEqual([field]);
  });

  it('resolve names to ids once, and drop duplicates', () => {
    const parsed = parseRule(
      { ...smallest, accounts: ['ann', ann], tags: ['a', 'a'], roles: ['user', 'user'] },
      directory,
    );
    expect(parsed).toMatchObject({ ok: true, value: { accounts: [ann], tags: ['a'], roles: ['user'] } });
  });

  it('never throw', () => {
    fc.assert(fc.property(fc.anything({ withNullPrototype: true }), (input) => void parseRule(input, directory)));
    fc.assert(fc.property(fc.anything(), (input) => void parseRuleSet(input, directory)));
  });
});

describe('a set of rules', () => {
  it('IA-31 is judged as a whole, with every issue and its place', () => {
    const parsed = parseRuleSet([smallest, { ...smallest, prio: 3 }, { ...smallest, roles: ['root'] }], directory);
    expect(parsed).toEqual({
      ok: false,
      issues: [
        { field: 'rules[1].prio', message: expect.stringContaining('the fields are id, priority') },
        { field: 'rules[2].roles[0]', message: expect.any(String) },
      ],
    });
  });

  it('may not have one id twice', () => {
    const parsed = parseRuleSet([{ ...smallest, id: 4 }, smallest, { ...smallest, id: 4 }], directory);
    expect(parsed).toMatchObject({
      ok: false,
      issues: [{ field: 'rules[2].id', message: 'is the id of rules[0] too' }],
    });
  });

  it('IA-65 has at most 1000 rules', () => {
    const full = Array.from({ length: maxRules }, () => smallest);
    expect(parseRuleSet(full, directory).ok).toBe(true);
    expect(parseRuleSet([...full, smallest], directory)).toEqual({ ok: 'table_full', count: maxRules + 1 });
  });
});

describe('policy files', () => {
  const rule = {
    id: 3,
    priority: 100,
    effect: 'deny' as const,
    enabled: false,
    description: 'guests stay "out"',
    roles: ['guest' as const],
    accountTypes: ['human' as const],
    accounts: [ann],
    services: ['mcq', 'a.b-c'],
    tags: ['env:restricted'],
    notBefore: Date.UTC(2026, 0, 1),
    expiresAt: Date.UTC(2027, 0, 1),
  };

  it('are read back as the set that was written', () => {
    const text = formatPolicyFile([toWire(rule, directory), toWire({ ...rule, id: 4, tags: [] }, directory)], 12);
    const parsed = parsePolicyFile(text, 'policy.toml');
    expect(parsed).toMatchObject({ ok: true, revision: 12 });
    expect(parsed.ok && parseRuleSet(parsed.rules, directory)).toEqual({
      ok: true,
      value: [rule, { ...rule, id: 4, tags: [] }],
    });
    expect(text).toContain('accounts = [ "ann" ]');
  });

  it('may be written by hand, with comments and the least', () => {
    const text = '# the baseline\n[[rules]]\npriority = 900\neffect = "allow"\nroles = ["user"] # people\n';
    expect(parsePolicyFile(text, 'policy.toml')).toMatchObject({
      ok: true,
      revision: null,
      rules: [{ priority: 900 }],
    });
    expect(parsePolicyFile('rules = []\n', 'policy.toml')).toEqual({ ok: true, revision: null, rules: [] });
  });

  it('IA-30 name line and column of an unknown key, with the one that was meant', () => {
    const text = '[[rules]]\npriority = 900\neffect = "allow"\nrole = ["user"]\n';
    const parsed = parsePolicyFile(text, 'policy.toml');
    expect(parsed.ok ? [] : parsed.problems).toMatchObject([
      { path: ['rules', 0, 'role'], suggestion: '"roles"', place: { file: 'policy.toml', line: 4, column: 1 } },
    ]);
  });
});

describe('context', () => {
  it('drops duplicate tags', () => {
    expect(parseContext('mcq', ['a', 'b', 'a'])).toEqual({
      ok: true,
      context: { serviceName: 'mcq', tags: ['a', 'b'] },
    });
    expect(parseContext('mcq')).toEqual({ ok: true, context: { serviceName: 'mcq', tags: [] } });
  });

  it.each([
    [undefined, []],
    ['', []],
    ['Mcq', []],
    ['mcq ', []],
    ['mcq\n', []],
    ['1mcq', []],
    ['m'.repeat(64), []],
    [['mcq'], []],
    ['mcq', 'env:prod'],
    ['mcq', null],
    ['mcq', [1]],
    ['mcq', ['-x']],
    ['mcq', ['Env']],
    ['mcq', ['a\n']],
    ['mcq', ['t'.repeat(65)]],
    ['mcq', Array.from({ length: 17 }, () => 'same')],
  ])('IA-29 refuses %j with tags %j before anything is evaluated', (serviceName, tags) => {
    expect(parseContext(serviceName, tags).ok).toBe(false);
  });

  it('never throws', () => {
    fc.assert(fc.property(fc.anything(), fc.anything(), (name, tags) => void parseContext(name, tags)));
  });
});
