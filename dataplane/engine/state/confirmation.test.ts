import Sqlite from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makePemDir } from '../certificates/test/pem-dir.ts';
import { openStore } from '../store/index.ts';
import { configuredFrom, makeHarness, TWO_LISTENERS, type Harness } from './test/harness.ts';

let harness: Harness;
beforeEach(() => {
  harness = makeHarness();
});
afterEach(async () => {
  expect(harness.inSync().worker).toEqual(harness.inSync().fresh);
  await harness[Symbol.asyncDispose]();
});

const HOUR_MS = 3_600_000;
const OLD = { hostname: 'old.example.test', backends: ['10.0.0.9:443'], mode: 'l4' };
const NEW = `[[listeners]]
addr = ":443"
[[listeners.routes]]
hostname = "new.example.test"
backend = "10.0.0.10:443"
mode = "l4"
[firewall]
blocked_ips = ["203.0.113.1"]
rate_limit = 3
`;

const apply = (confirmWithinMs: number, text = NEW): Promise<{ readonly revertAtMs: number | null }> =>
  harness.state.apply({ file: 'new.toml', text, dryRun: false, confirmWithinMs });

/** What the API owns, in a word. */
function state(): string {
  const hosts = harness.state.routes().flatMap(({ spec, origin }) => (origin === 'api' ? [spec.hostname] : []));
  const { rules, rateLimit } = harness.state.firewall();
  const blocked = rules.filter(({ origin }) => origin === 'api').map(({ rule }) => rule.value);
  return [...hosts, ...blocked, rateLimit.limit].join(' ');
}

const BEFORE = 'old.example.test 20';
const AFTER = 'new.example.test 203.0.113.1 3';

function taken(): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (harness.state.unconfirmed()) setImmediate(look);
      else resolve();
    };
    look();
  });
}

describe('a change set that has to be confirmed', () => {
  beforeEach(async () => {
    await harness.state.addRoute(':443', OLD);
    harness.events.length = 0;
  });

  it('PX-18 is taken back by itself when nobody confirms, as one change', async () => {
    const { revertAtMs } = await apply(40);
    expect(harness.state.unconfirmed()).toEqual({ revertAtMs, generation: 2 });
    expect(state()).toBe(AFTER);
    await taken();
    expect(state()).toBe(BEFORE);
    expect(harness.state.generation).toBe(3);
    expect(harness.published).toHaveLength(3);
    expect(harness.events.at(-1)).toMatchObject({ kind: 'apply', detail: expect.stringContaining('is taken back') });
    await expect(harness.state.confirm()).rejects.toMatchObject({ code: 'nothing_to_confirm' });
    await harness.restart();
    expect(state()).toBe(BEFORE);
    expect(harness.state.generation).toBe(3);
  });

  it('PX-18 stays when it is confirmed, also over restarts', async () => {
    await apply(HOUR_MS);
    expect(await harness.state.confirm()).toEqual({ generation: 3 });
    expect(harness.state.unconfirmed()).toBeNull();
    expect(harness.events.at(-1)).toMatchObject({ kind: 'apply', detail: expect.stringContaining('was confirmed') });
    await expect(harness.state.confirm()).rejects.toMatchObject({ code: 'nothing_to_confirm' });
    harness.passTime(2 * HOUR_MS);
    await harness.restart();
    expect(state()).toBe(AFTER);
  });

  it('PX-18 waits on after a restart, and can be confirmed then', async () => {
    const { revertAtMs } = await apply(HOUR_MS);
    harness.passTime(HOUR_MS - 1_000);
    await harness.restart();
    expect(state()).toBe(AFTER);
    expect(harness.state.unconfirmed()).toEqual({ revertAtMs, generation: 2 });
    await harness.state.confirm();
    harness.passTime(HOUR_MS);
    await harness.restart();
    expect(state()).toBe(AFTER);
  });

  it('PX-18 is taken back by the timer of the next process when its time ends there', async () => {
    await apply(HOUR_MS);
    harness.passTime(HOUR_MS - 40);
    await harness.restart();
    expect(state()).toBe(AFTER);
    await taken();
    expect(state()).toBe(BEFORE);
  });

  it('PX-18 is taken back before anything is served when its time ended while nobody ran', async () => {
    await apply(HOUR_MS);
    harness.passTime(HOUR_MS);
    const { length } = harness.published;
    await harness.restart();
    expect(state()).toBe(BEFORE);
    expect(harness.state.unconfirmed()).toBeNull();
    expect(harness.state.generation).toBe(3);
    expect(harness.published).toHaveLength(length);
    expect(harness.events.at(-1)?.detail).toContain('is taken back');
    await harness.restart();
    expect(state()).toBe(BEFORE);
    expect(harness.state.generation).toBe(3);
  });

  it('never waits longer than was asked for, however the wall clock is set back', async () => {
    await apply(60);
    harness.passTime(-24 * HOUR_MS);
    await harness.restart();
    expect(state()).toBe(AFTER);
    await taken();
    expect(state()).toBe(BEFORE);
  });

  it('refuses other changes meanwhile, answers those that change nothing, and takes a reload of the file', async () => {
    await apply(HOUR_MS);
    const refused = { code: 'confirm_pending', message: expect.stringMatching(/generation 2 .*until .*Z; confirm it/) };
    const { state: open } = harness;
    const policy = { listener: ':443', hostname: 'x.test', kind: 'require_header', value: 'a' } as const;
    await expect(open.addRoute(':443', OLD)).rejects.toMatchObject(refused);
    await expect(open.removeRoute(':443', 'new.example.test')).rejects.toMatchObject(refused);
    await expect(open.addFirewallRule('blocked_ip', '203.0.113.2')).rejects.toMatchObject(refused);
    await expect(open.removeFirewallRule('blocked_ip', '203.0.113.1')).rejects.toMatchObject(refused);
    await expect(open.setRateLimit(9, 0)).rejects.toMatchObject(refused);
    await expect(open.resetRateLimit()).rejects.toMatchObject(refused);
    await expect(apply(0, '')).rejects.toMatchObject(refused);
    await expect(apply(HOUR_MS, '')).rejects.toMatchObject(refused);
    await expect(open.addPolicy(policy)).rejects.toMatchObject({ code: 'route_not_found' });
    expect(await open.addFirewallRule('blocked_ip', '203.0.113.1')).toMatchObject({ changed: false });
    expect(await apply(HOUR_MS)).toMatchObject({ changed: false, revertAtMs: null });
    expect(await open.apply({ file: '', text: '', dryRun: true, confirmWithinMs: 0 })).toMatchObject({ total: 3 });
    expect(state()).toBe(AFTER);

    await open.reload(configuredFrom(TWO_LISTENERS.replace('rate_limit = 20', 'rate_limit = 30')));
    harness.passTime(HOUR_MS);
    await harness.restart(TWO_LISTENERS.replace('rate_limit = 20', 'rate_limit = 30'));
    expect(state()).toBe('old.example.test 30');
    expect(await harness.state.addRoute(':443', { ...OLD, hostname: 'x.test' })).toMatchObject({ changed: true });
  });

  it('needs no confirmation where there was no difference', async () => {
    await apply(0);
    expect(await apply(HOUR_MS)).toMatchObject({ changed: false, revertAtMs: null });
    expect(harness.state.unconfirmed()).toBeNull();
  });

  it('is taken back later when the database refuses at first, and cannot be confirmed in between', async () => {
    const failures: unknown[] = [];
    const failed = Promise.withResolvers<void>();
    harness.failed = (_what, error) => {
      failures.push(error);
      failed.resolve();
    };
    await apply(40);
    const other = new Sqlite(harness.database);
    other.exec('BEGIN IMMEDIATE');
    await failed.promise;
    expect(failures).toMatchObject([{ code: 'database_locked' }]);
    expect(state()).toBe(AFTER);
    await expect(harness.state.confirm()).rejects.toMatchObject({ code: 'nothing_to_confirm', message: /^too late/ });
    await expect(harness.state.addRoute(':443', OLD)).rejects.toMatchObject({ message: /is being taken back/ });
    other.exec('ROLLBACK');
    other.close();
    await taken();
    expect(state()).toBe(BEFORE);
  });

  it('is not served after its time even when the database refuses at the start; it follows', async () => {
    await apply(HOUR_MS);
    harness.passTime(HOUR_MS);
    await harness.state[Symbol.asyncDispose]();
    const failures: unknown[] = [];
    harness.failed = (_what, error) => failures.push(error);
    const other = new Sqlite(harness.database);
    other.exec('BEGIN IMMEDIATE');
    await harness.restart();
    expect(failures).toMatchObject([{ code: 'database_locked' }]);
    expect(state()).toBe(BEFORE);
    other.exec('ROLLBACK');
    other.close();
    await taken();
    expect(state()).toBe(BEFORE);
    await harness.restart();
    expect(state()).toBe(BEFORE);
  });

  it.each([
    ['is used as far as it validates', `json_set(undo, '$[1].spec.backends', json('[]'))`, '20'],
    ['is left alone where it is no list of changes', `'[1]'`, AFTER],
  ])('has a way back that, once damaged, %s, and says so', async (_what, damaged, expected) => {
    await apply(HOUR_MS);
    harness.passTime(HOUR_MS);
    await harness.state[Symbol.asyncDispose]();
    const database = new Sqlite(harness.database);
    database.exec(`UPDATE pending_revert SET undo = ${damaged}`);
    database.close();
    await harness.restart();
    expect(harness.state.warnings()).toContainEqual(expect.stringMatching(/revert of an unconfirmed change.*not used/));
    expect(harness.state.unconfirmed()).toBeNull();
    expect(state()).toBe(expected);
  });

  it('keeps serving a route of l7 that comes back after its certificate went bad', async () => {
    using pems = await makePemDir();
    const pair = await pems.pair('web', ['web.example.test']);
    await harness.state.addRoute(':443', { ...OLD, hostname: 'web.example.test', mode: 'l7', ...pair });
    await apply(HOUR_MS);
    pems.write('web.pem', 'no certificate');
    harness.passTime(HOUR_MS);
    await harness.restart();
    expect(state()).toBe('old.example.test web.example.test 20');
    expect(harness.state.warnings()).toContainEqual(expect.stringContaining('web.example.test'));
  });
});

describe('the stored way back', () => {
  it('comes back as it was written, and goes with the change that clears it', () => {
    const undo = [
      { kind: 'route_remove', listener: ':443', hostname: 'a.test' },
      { kind: 'rule_put', rule: { kind: 'blocked_ip', value: '203.0.113.1' } },
      { kind: 'rule_remove', rule: { kind: 'blocked_country', value: 'DE' } },
      { kind: 'rate_limit_put', rateLimit: { limit: 3, windowMs: 1_000 } },
      { kind: 'rate_limit_remove' },
      { kind: 'policy_put', policy: { listener: ':443', hostname: 'a.test', kind: 'require_header', value: 'x-a' } },
      { kind: 'policy_remove', policy: { listener: ':443', hostname: 'a.test', kind: 'block_user_agent', value: 'b' } },
    ] as const;
    const revert = { generation: 7, deadlineMs: 1_000, withinMs: 500, undo };
    using store = openStore({ path: `${harness.dir}/other.db` });
    expect(store.load().revert).toBeNull();
    store.commit([{ kind: 'revert_put', revert }], 1);
    expect(store.load()).toMatchObject({ revert, warnings: [] });
    store.commit([{ kind: 'revert_put', revert: { ...revert, undo: [] } }], 2);
    expect(store.load().revert).toEqual({ ...revert, undo: [] });
    store.commit([{ kind: 'revert_remove' }], 3);
    expect(store.load().revert).toBeNull();
  });
});
