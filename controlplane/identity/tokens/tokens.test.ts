import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { Account } from '../accounts/index.ts';
import { createMetricsRegistry } from '../../../mcdsl/metrics/index.ts';
import { createTestClock, type TestClock } from '../test-support/clock.ts';
import {
  addPerson,
  addService,
  createTokens,
  logIn,
  testSessionTimes,
  testTokenTimes,
} from '../test-support/people.ts';
import { openTempKeys, type TempKeys } from '../test-support/temp-keys.ts';
import {
  audienceCovers,
  createActivity,
  listTokens,
  maxSystemTokens,
  pruneTokens,
  revokeToken,
  revokeTokensOf,
  revokeTokensOfKey,
  systemTokenExpiry,
  tokenMetrics,
  type IssuedToken,
  type TokenFilter,
} from './index.ts';

let temp: TempKeys;
let clock: TestClock;
let ann: Account;
let mcq: Account;
let tokens: ReturnType<typeof createTokens>;
beforeEach(async () => {
  temp = await openTempKeys();
  clock = createTestClock();
  ann = addPerson(temp.store, 'ann', ['user'], clock.now());
  mcq = addService(temp.store, 'mcq', clock.now());
  tokens = createTokens(temp);
});
afterEach(() => temp[Symbol.dispose]());

const day = 86_400_000;
const system = (more: { audience?: string[]; ttlMs?: number; label?: string } = {}, account = mcq): IssuedToken =>
  temp.store.change((w) =>
    tokens.issuer.forSystem(w, account, { audience: ['platform'], ttlMs: null, label: '', ...more }, clock.now()),
  );
const human = (audience = ['mcr'], session = logIn(temp.store, ann, clock.now()).session): IssuedToken =>
  temp.store.change((w) => tokens.issuer.forSession(w, ann, session, audience, clock.now()));
const renew = async (token: string): Promise<IssuedToken> => {
  const verified = await tokens.verifier.require(token, clock.now());
  return temp.store.change((w) => tokens.issuer.renew(w, verified, clock.now()));
};
const isGood = async ({ token }: IssuedToken) => (await tokens.verifier.verify(token, clock.now())).ok;
const claimsOf = async ({ token }: IssuedToken) => (await tokens.verifier.require(token, clock.now())).claims;
const everything: TokenFilter = { accountId: null, expiringBefore: null, kind: null };

describe('issuing', () => {
  it('IA-38 gives a system account a year, less when asked, never more', () => {
    expect(system().expiresAt).toBe(Math.floor((clock.now() + 365 * day) / 1000) * 1000);
    expect(system({ ttlMs: day }).expiresAt).toBe(Math.floor((clock.now() + day) / 1000) * 1000);
    expect(() => system({ ttlMs: 365 * day + 1 })).toThrow(/tokens.system_ttl \(8760h\)/);
    expect(() => system({ ttlMs: 999 })).toThrow(/ttl must be from 1s/);
    expect(() => system({}, ann)).toThrow(/ann is a person/);
  });

  it('IA-65 gives a system account at most 20 live tokens', () => {
    const first = system({ ttlMs: day });
    for (let i = 1; i < maxSystemTokens; i++) system();
    expect(() => system()).toThrow(expect.objectContaining({ code: 'table_full' }));
    temp.store.change((w) => revokeToken(w, first.tokenId, 'revoked', clock.now()));
    system();
  });

  it.each([[[]], [['Mcq']], [Array.from({ length: 9 }, (_, i) => `s${i}`)], [['a b']]])(
    'IA-36 refuses the audience %j',
    (audience) => {
      expect(() => human(audience)).toThrow(/1 to 8 names of services/);
    },
  );

  it('IA-41 gives a session no token that outlives it', () => {
    const { session } = logIn(temp.store, addPerson(temp.store, 'root1', ['admin'], clock.now()), clock.now());
    clock.advance(testSessionTimes.adminMaxMs - 10_000);
    expect(human(['mcr'], session).expiresAt).toBe(Math.floor(session.expiresAt / 1000) * 1000);
    clock.advance(10_000);
    expect(() => human(['mcr'], session)).toThrow(expect.objectContaining({ code: 'not_found' }));
  });

  it('says when to renew: people after half, services a month before the end', () => {
    const { expiresAt, renewAfter } = human();
    expect(renewAfter).toBe(clock.now() + Math.floor((expiresAt - clock.now()) / 2));
    const year = system();
    expect(year.renewAfter).toBe(year.expiresAt - 30 * day);
    const short = system({ ttlMs: day });
    expect(short.renewAfter).toBe(clock.now() + Math.floor((short.expiresAt - clock.now()) / 2));
  });

  it('leaves no row when the transaction fails', () => {
    const { session } = logIn(temp.store, ann, clock.now());
    const failing = () =>
      temp.store.change((w) => {
        tokens.issuer.forSession(w, ann, session, ['mcr'], clock.now());
        throw new Error('no audit');
      });
    expect(failing).toThrow('no audit');
    expect(temp.store.reader.all('SELECT * FROM tokens')).toEqual([]);
  });
});

describe('renewing', () => {
  it('IA-41 gives a token of the same session and audience, and the old one retires after the overlap', async () => {
    const old = human(['mcr', 'mcdoc']);
    clock.advance(1000);
    const next = await renew(old.token);
    const [before, after] = [await claimsOf(old), await claimsOf(next)];
    expect([after.sid, after.aud, after.auth_time]).toEqual([before.sid, ['mcr', 'mcdoc'], before.auth_time]);
    expect(after.jti).not.toBe(before.jti);
    clock.advance(testTokenTimes.renewOverlapMs - 1);
    expect(await isGood(old)).toBe(true);
    clock.advance(1);
    expect(await tokens.verifier.verify(old.token, clock.now())).toMatchObject({ ok: false, answer: 'revoked' });
    expect(await isGood(next)).toBe(true);
    await expect(renew(old.token)).rejects.toMatchObject({ code: 'invalid_token' });
  });

  it('IA-41 twice at once gives two good tokens, and the overlap is not stretched', async () => {
    const old = human();
    const [one, two] = await Promise.all([renew(old.token), renew(old.token)]);
    clock.advance(testTokenTimes.renewOverlapMs - 1);
    const three = await renew(old.token);
    clock.advance(1);
    expect(await Promise.all([old, one, two, three].map(isGood))).toEqual([false, true, true, true]);
  });

  it('IA-41 cannot go beyond the end of the session', async () => {
    const { session } = logIn(temp.store, addPerson(temp.store, 'root1', ['admin'], clock.now()), clock.now());
    let token = human(['mcr'], session);
    const activity = createActivity();
    for (;;) {
      clock.advance(30 * 60_000);
      if (clock.now() >= session.expiresAt) break;
      activity.note({ tokenId: token.tokenId, sessionId: session.id }, clock.now());
      temp.store.change((w) => activity.flush(w, testSessionTimes));
      token = await renew(token.token);
      expect(token.expiresAt).toBeLessThanOrEqual(session.expiresAt);
    }
    expect(await isGood(token)).toBe(false);
  });

  it('IA-42 of a system account lasts no longer than the first, over a day of overlap', async () => {
    const first = system({ ttlMs: 10 * day, label: 'agent', audience: ['mcr'] });
    clock.advance(9 * day);
    const second = await renew(first.token);
    expect(second.expiresAt).toBe(Math.floor((clock.now() + 10 * day) / 1000) * 1000);
    expect((await claimsOf(second)).aud).toEqual(['mcr']);
    clock.advance(testTokenTimes.systemRenewOverlapMs - 1);
    expect(await isGood(first)).toBe(true);
    clock.advance(1);
    expect([await isGood(first), await isGood(second)]).toEqual([false, true]);
    expect(listTokens(temp.store.reader, everything, clock.now(), { limit: 9, cursor: null }).items).toMatchObject([
      { tokenId: second.tokenId, label: 'agent' },
    ]);
  });

  it('IA-42 makes a line: revoking one of it revokes all', async () => {
    const first = system();
    const second = await renew(first.token);
    const third = await renew(second.token);
    const other = system();
    expect(temp.store.change((w) => revokeToken(w, second.tokenId, 'revoked', clock.now()))).toBe(3);
    expect(await Promise.all([first, second, third, other].map(isGood))).toEqual([false, false, false, true]);
  });

  it('IA-65 counts against the bound of the account', async () => {
    let token = system();
    for (let i = 1; i < maxSystemTokens; i++) token = await renew(token.token);
    await expect(renew(token.token)).rejects.toMatchObject({ code: 'table_full' });
    clock.advance(testTokenTimes.systemRenewOverlapMs);
    expect(await isGood(await renew(token.token))).toBe(true);
  });

  it('IA-40 is refused for a token that was revoked meanwhile', async () => {
    const old = human();
    const verified = await tokens.verifier.require(old.token, clock.now());
    temp.store.change((w) => revokeToken(w, old.tokenId, 'logout', clock.now()));
    const late = () => temp.store.change((w) => tokens.issuer.renew(w, verified, clock.now()));
    expect(late).toThrow(expect.objectContaining({ code: 'invalid_token' }));
  });
});

describe('revoking', () => {
  it('reaches the tokens of an account or a key, and no others', async () => {
    const [one, two] = [human(), system()];
    expect(temp.store.change((w) => revokeTokensOf(w, ann.id, 'revoked', clock.now()))).toBe(1);
    expect([await isGood(one), await isGood(two)]).toEqual([false, true]);
    const kid = temp.keyring.jwks('mcias').keys[0]?.['kid'] ?? '';
    expect(temp.store.change((w) => revokeTokensOfKey(w, kid, clock.now()))).toBe(1);
    expect(await isGood(two)).toBe(false);
    expect(temp.store.change((w) => revokeToken(w, 'unknown', 'revoked', clock.now()))).toBe(0);
  });

  it('IA-73 survives a restart', async () => {
    const token = human();
    temp.store.change((w) => revokeToken(w, token.tokenId, 'revoked', clock.now()));
    tokens = createTokens(temp);
    expect(await isGood(token)).toBe(false);
  });
});

describe('lists', () => {
  it('IA-44 show live tokens by their end, in pages, filtered', () => {
    const [late, soon] = [system({ ttlMs: 20 * day }), system({ ttlMs: 10 * day })];
    const mine = human();
    const { reader } = temp.store;
    const ids = (filter: Partial<TokenFilter>) =>
      listTokens(reader, { ...everything, ...filter }, clock.now(), { limit: 9, cursor: null }).items.map(
        ({ tokenId }) => tokenId,
      );
    expect(ids({})).toEqual([mine.tokenId, soon.tokenId, late.tokenId]);
    expect(ids({ accountId: mcq.id, expiringBefore: clock.now() + 15 * day })).toEqual([soon.tokenId]);
    expect(ids({ kind: 'human' })).toEqual([mine.tokenId]);
    const page = listTokens(reader, everything, clock.now(), { limit: 2, cursor: null });
    const rest = listTokens(reader, everything, clock.now(), { limit: 2, cursor: page.nextCursor });
    expect([page.items.length, rest.items.map(({ tokenId }) => tokenId), rest.nextCursor]).toEqual([
      2,
      [late.tokenId],
      null,
    ]);
    temp.store.change((w) => revokeToken(w, soon.tokenId, 'revoked', clock.now()));
    expect(ids({ accountId: mcq.id })).toEqual([late.tokenId]);
  });

  it('IA-44 show the last-expiring token of each system account', () => {
    system({ ttlMs: 10 * day });
    const late = system({ ttlMs: 20 * day });
    human();
    const other = system({ ttlMs: day }, addService(temp.store, 'mcr', clock.now()));
    expect(systemTokenExpiry(temp.store.reader, clock.now())).toEqual([
      { account: 'mcq', expiresAt: late.expiresAt },
      { account: 'mcr', expiresAt: other.expiresAt },
    ]);
  });

  it('keep rows for a week after the end', () => {
    system({ ttlMs: day });
    const prune = () => temp.store.change((w) => pruneTokens(w, clock.now()));
    clock.advance(8 * day - 1000);
    expect(prune()).toBe(0);
    clock.advance(1001);
    expect(prune()).toBe(1);
  });
});

describe('metrics', () => {
  it('IA-44 IA-65 show when the tokens of services end, and how full everything is', async () => {
    const activity = createActivity();
    const registry = createMetricsRegistry({ system: 'mcias' });
    registry.addSource(
      tokenMetrics({ reader: temp.store.reader, verifier: tokens.verifier, activity, now: clock.now }),
    );
    const { tokenId, expiresAt } = system({ ttlMs: day });
    const mine = human();
    await isGood(mine);
    await isGood(mine);
    activity.note({ tokenId, sessionId: null }, clock.now());
    const shown = (await registry.samples()).map(({ name, labels, value }) =>
      [name.replace('mc_mcias_', ''), ...Object.values(labels), value].join(' '),
    );
    expect(shown).toEqual(
      expect.arrayContaining([
        `token_expiry_seconds mcq ${(expiresAt - clock.now()) / 1000}`,
        'live_tokens human 1',
        'live_tokens system 1',
        'live_sessions 1',
        'waiting_tickets_items reset 0',
        'activity_entries 1',
        'signature_cache_entries 1',
        'signature_cache_lookups_total hit 1',
        'signature_cache_lookups_total miss 1',
        'signature_cache_evictions_total 0',
      ]),
    );
  });
});

describe('the audience', () => {
  it.each([
    [['mcq'], 'mcq', true],
    [['mcq'], 'metacrypt', false],
    [['platform'], 'metacrypt', true],
    [['platform'], 'mcias', false],
    [['mcias'], 'mcias', true],
    [['mcq', 'mcias'], 'mcias', true],
  ] as const)('IA-37 %j at %s: %s', (audience, service, isCovered) => {
    expect(audienceCovers(audience, service)).toBe(isCovered);
  });
});

describe('random histories', () => {
  it('IA-40 no token is good after its revoke, whatever was renewed in between', async () => {
    const step = fc.constantFrom('issue', 'renew', 'revoke', 'wait');
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(step, fc.nat(9)), { maxLength: 12 }), async (history) => {
        const account = addService(temp.store, `s${process.hrtime.bigint()}`, clock.now());
        const held: IssuedToken[] = [];
        const revoked = new Set<string>();
        const chainOf = (id: string) =>
          temp.store.reader.get<{ chain_id: string }>('SELECT chain_id FROM tokens WHERE id = ?', [id])?.chain_id ?? '';
        for (const [what, pick] of history) {
          const token = held[pick % Math.max(1, held.length)];
          if (what === 'issue') held.push(system({}, account));
          if (what === 'renew' && token && (await isGood(token))) held.push(await renew(token.token));
          if (what === 'wait') clock.advance(day / 2);
          if (what === 'revoke' && token) {
            temp.store.change((w) => revokeToken(w, token.tokenId, 'revoked', clock.now()));
            revoked.add(chainOf(token.tokenId));
          }
        }
        for (const token of held) if (revoked.has(chainOf(token.tokenId))) expect(await isGood(token)).toBe(false);
      }),
      { numRuns: 25 },
    );
  });
});
