import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { Account } from '../accounts/index.ts';
import { createTestClock, type TestClock } from '../test-support/clock.ts';
import { addPerson, addService, createTokens, logIn, testSessionTimes as times } from '../test-support/people.ts';
import { openTempKeys, type TempKeys } from '../test-support/temp-keys.ts';
import {
  countSessions,
  endEverythingOf,
  endHumanSessions,
  endSession,
  endSessionsOf,
  findSession,
  listSessions,
  maxSessions,
  pruneSessions,
  readSession,
  rolesChanged,
  rotateSession,
  stepUp,
  touchSession,
} from './index.ts';

let temp: TempKeys;
let clock: TestClock;
let ann: Account;
beforeEach(async () => {
  temp = await openTempKeys();
  clock = createTestClock();
  ann = addPerson(temp.store, 'ann', ['user'], clock.now());
});
afterEach(() => temp[Symbol.dispose]());

const login = (account = ann) => logIn(temp.store, account, clock.now());
const find = (secret: string) => findSession(temp.store.reader, secret, clock.now());
const all = { limit: 500, cursor: null };

describe('sessions', () => {
  it('IA-45 get an id of 256 bits that the database knows by its hash alone', () => {
    const { session, secret } = login();
    expect(secret).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(find(secret)).toEqual(session);
    const row = temp.store.reader.get<{ h_id: Buffer }>('SELECT * FROM sessions');
    expect(row?.h_id).toHaveLength(32);
    expect(JSON.stringify(row)).not.toContain(secret);
    expect(login().secret).not.toBe(secret);
  });

  it.each(['', 'A'.repeat(43), "x' OR 1=1--", 'é'.repeat(43)])(
    'IA-45 never adopt an id from elsewhere: %j',
    (planted) => {
      login();
      expect(find(planted)).toBeNull();
    },
  );

  it('IA-45 get another id at step-up, with a new auth_time', () => {
    const { session, secret } = login();
    clock.advance(60_000);
    const stepped = temp.store.change((w) => stepUp(w, session.id, ['pwd', 'otp', 'mfa'], clock.now()));
    expect(stepped.session).toMatchObject({ id: session.id, authTime: clock.now(), amr: ['pwd', 'otp', 'mfa'] });
    expect([find(secret), find(stepped.secret)?.id]).toEqual([null, session.id]);
  });

  it('IA-45 get another id after a change of roles, and a new admin the shorter life', () => {
    const { session, secret } = login();
    temp.store.change((w) => rolesChanged(w, ann.id, true, times));
    expect(find(secret)).toMatchObject({ mustRotate: true, expiresAt: session.createdAt + times.adminMaxMs });
    const next = temp.store.change((w) => rotateSession(w, session.id));
    expect([find(secret), find(next)?.mustRotate]).toEqual([null, false]);
  });

  it('end when idle, at their absolute end, and sooner for admins', () => {
    const { session, secret } = login();
    const admin = login(addPerson(temp.store, 'root1', ['admin'], clock.now()));
    expect(admin.session.expiresAt).toBe(clock.now() + times.adminMaxMs);
    clock.advance(times.idleMs - 1);
    expect(find(secret)).not.toBeNull();
    expect(find(admin.secret)).toBeNull();
    for (let day = 0; day < 6; day++) {
      temp.store.change((w) => touchSession(w, session.id, times, clock.now()));
      expect(find(secret)).not.toBeNull();
      clock.advance(times.idleMs - 1);
    }
    temp.store.change((w) => touchSession(w, session.id, times, clock.now()));
    clock.advance(times.idleMs - 1);
    expect(find(secret)).toBeNull();
  });

  it('are not brought back by a use that was noted before they went idle', () => {
    const { session, secret } = login();
    clock.advance(times.idleMs);
    temp.store.change((w) => touchSession(w, session.id, times, clock.now()));
    expect(find(secret)).toBeNull();
  });

  it('IA-65 are at most 50 an account: the oldest ends', () => {
    const first = login();
    for (let i = 1; i < maxSessions; i++) {
      clock.advance(1);
      login();
    }
    expect(find(first.secret)).not.toBeNull();
    clock.advance(1);
    expect(login().ended).toEqual([first.session.id]);
    expect(find(first.secret)).toBeNull();
    expect(countSessions(temp.store.reader, clock.now())).toBe(maxSessions);
  });
});

describe('the end of a session', () => {
  /** A session with a token, a code, a grant and a ticket. */
  function laden() {
    const opened = login();
    const { id } = opened.session;
    const { issuer, verifier } = createTokens(temp);
    const token = temp.store.change((w) => {
      w.run(
        `INSERT INTO sso_codes (h_code, client_id, redirect_uri, challenge, session_id, account_id, auth_time, expires_at, created_at)
         VALUES (?, 'mcq', '', '', ?, ?, 1, 9, 1)`,
        [Buffer.from(id), id, ann.id],
      );
      w.run(
        `INSERT INTO oidc_items (model, h_id, s_payload, account_id, session_id, expires_at, created_at)
         VALUES ('Grant', ?, x'00', ?, ?, 9, 1)`,
        [Buffer.from(id), ann.id, id],
      );
      w.run(
        `INSERT INTO tickets (h_ticket, kind, account_id, session_id, expires_at, created_at)
         VALUES (?, 'webauthn_register', ?, ?, 9, 1)`,
        [Buffer.from(id), ann.id, id],
      );
      return issuer.forSession(w, ann, opened.session, ['mcq'], clock.now()).token;
    });
    return { ...opened, token, verify: () => verifier.verify(token, clock.now()) };
  }
  const leftOver = () =>
    temp.store.reader.get(`SELECT (SELECT count(*) FROM sso_codes) AS codes, (SELECT count(*) FROM oidc_items) AS items,
      (SELECT count(*) FROM tickets) AS tickets`);

  it('IA-46 ends its tokens, codes, grants and tickets in one transaction, and those of no other', async () => {
    const [one, other] = [laden(), laden()];
    const ended = temp.store.change((w) => endSession(w, one.session.id, 'revoked', clock.now()));
    expect(ended).toEqual({ sessions: 1, tokens: 1 });
    expect(find(one.secret)).toBeNull();
    expect(await one.verify()).toMatchObject({ ok: false, answer: 'revoked' });
    expect(await other.verify()).toMatchObject({ ok: true });
    expect(leftOver()).toEqual({ codes: 1, items: 1, tickets: 1 });
    expect(temp.store.change((w) => endSession(w, one.session.id, 'revoked', clock.now()))).toEqual({
      sessions: 0,
      tokens: 0,
    });
  });

  it('IA-46 ends nothing when the transaction fails', async () => {
    const one = laden();
    const failing = () =>
      temp.store.change((w) => {
        endSession(w, one.session.id, 'revoked', clock.now());
        throw new Error('no audit');
      });
    expect(failing).toThrow('no audit');
    expect(await one.verify()).toMatchObject({ ok: true });
    expect(leftOver()).toEqual({ codes: 1, items: 1, tickets: 1 });
  });

  it('IA-25 of the others leaves the one that changed the credentials', async () => {
    const [mine, other] = [laden(), laden()];
    temp.store.change((w) => endSessionsOf(w, ann.id, 'credentials_changed', clock.now(), mine.session.id));
    expect([find(mine.secret)?.id, find(other.secret)]).toEqual([mine.session.id, null]);
    expect([(await mine.verify()).ok, (await other.verify()).ok]).toEqual([true, false]);
  });

  it('of everything of an account reaches tokens without a session', async () => {
    const mcq = addService(temp.store, 'mcq', clock.now());
    const { issuer, verifier } = createTokens(temp);
    const { token } = temp.store.change((w) =>
      issuer.forSystem(w, mcq, { audience: ['platform'], ttlMs: null, label: '' }, clock.now()),
    );
    temp.store.change((w) => endEverythingOf(w, mcq.id, 'account_disabled', clock.now()));
    expect(await verifier.verify(token, clock.now())).toMatchObject({ ok: false, reason: 'revoked' });
  });

  it('of all people after a restore leaves tokens of services', async () => {
    const one = laden();
    expect(temp.store.change((w) => endHumanSessions(w, 'restored', clock.now()))).toEqual({ sessions: 1, tokens: 1 });
    expect(await one.verify()).toMatchObject({ ok: false });
  });

  it('keeps its row for a week, and as long as those of its tokens', () => {
    const { session } = login();
    temp.store.change((w) => endSession(w, session.id, 'logout', clock.now()));
    const prune = () => temp.store.change((w) => pruneSessions(w, clock.now()));
    clock.advance(7 * 86_400_000);
    expect(prune()).toBe(0);
    clock.advance(1);
    expect(prune()).toBe(1);
  });
});

describe('the list of sessions', () => {
  it('IA-46 shows where a person is logged in, newest first, in pages', () => {
    const { issuer } = createTokens(temp);
    const first = login();
    clock.advance(1);
    const second = login();
    const bob = login(addPerson(temp.store, 'bob', [], clock.now()));
    temp.store.change((w) => {
      issuer.forSession(w, ann, first.session, ['mcq'], clock.now());
      issuer.forSession(w, ann, first.session, ['mcr', 'mcq'], clock.now());
    });
    const { reader } = temp.store;
    const own = listSessions(reader, ann.id, clock.now(), all);
    expect(own.items.map(({ id, services }) => [id, services])).toEqual([
      [second.session.id, []],
      [first.session.id, ['mcq', 'mcr']],
    ]);
    const page = listSessions(reader, ann.id, clock.now(), { limit: 1, cursor: null });
    const rest = listSessions(reader, ann.id, clock.now(), { limit: 1, cursor: page.nextCursor });
    expect([...page.items, ...rest.items].map(({ id }) => id)).toEqual([second.session.id, first.session.id]);
    expect(listSessions(reader, null, clock.now(), all).items.map(({ id }) => id)).toContain(bob.session.id);
    temp.store.change((w) => endSession(w, second.session.id, 'revoked', clock.now()));
    expect(listSessions(reader, ann.id, clock.now(), all).items).toHaveLength(1);
    expect(readSession(reader, second.session.id, clock.now())).toBeNull();
  });
});
