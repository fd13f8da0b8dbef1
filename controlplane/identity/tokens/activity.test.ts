import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { Account } from '../accounts/index.ts';
import { endSession, findSession } from '../sessions/index.ts';
import { createTestClock, type TestClock } from '../test-support/clock.ts';
import { addPerson, createTokens, logIn, testSessionTimes } from '../test-support/people.ts';
import { openTempKeys, type TempKeys } from '../test-support/temp-keys.ts';
import { createActivity, listTokens } from './index.ts';

let temp: TempKeys;
let clock: TestClock;
let ann: Account;
beforeEach(async () => {
  temp = await openTempKeys();
  clock = createTestClock();
  ann = addPerson(temp.store, 'ann', ['user'], clock.now());
});
afterEach(() => temp[Symbol.dispose]());

describe('activity', () => {
  it('keeps sessions alive and says the hour of the last use, in one write', () => {
    const { session, secret } = logIn(temp.store, ann, clock.now());
    const { issuer } = createTokens(temp);
    const token = temp.store.change((w) => issuer.forSession(w, ann, session, ['mcr'], clock.now()));
    const activity = createActivity();
    clock.advance(3_600_000);
    for (let i = 0; i < 5; i++) activity.note({ tokenId: token.tokenId, sessionId: session.id }, clock.now());
    expect(activity.pending).toBe(2);
    temp.store.change((w) => activity.flush(w, testSessionTimes));
    expect(findSession(temp.store.reader, secret, clock.now())).toMatchObject({
      lastSeenAt: clock.now(),
      idleExpiresAt: clock.now() + testSessionTimes.idleMs,
    });
    const [info] = listTokens(
      temp.store.reader,
      { accountId: ann.id, expiringBefore: null, kind: null },
      clock.now() - 1,
      { limit: 1, cursor: null },
    ).items;
    expect(info?.lastUsedAt).toBe(clock.now() - (clock.now() % 3_600_000));
    expect(temp.store.change((w) => activity.flush(w, testSessionTimes))).toBe(0);
  });

  it('is bounded, and wakes no ended session', () => {
    const activity = createActivity(2);
    for (const id of ['a', 'b', 'c', 'a']) activity.note({ tokenId: id, sessionId: null }, clock.now());
    expect(activity.pending).toBe(2);
    const { session, secret } = logIn(temp.store, ann, clock.now());
    activity.note({ tokenId: null, sessionId: session.id }, clock.now());
    temp.store.change((w) => endSession(w, session.id, 'logout', clock.now()));
    temp.store.change((w) => activity.flush(w, testSessionTimes));
    expect(findSession(temp.store.reader, secret, clock.now())).toBeNull();
  });
});
