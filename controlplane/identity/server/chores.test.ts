import { afterEach, beforeEach, expect, it } from 'vitest';

import { recordingLogger } from '../../../mcdsl/grpc/test/fixture.ts';
import { createSoftLocks } from '../throttle/index.ts';
import { issueTicket } from '../tickets/index.ts';
import { createTestClock, type TestClock } from '../test-support/clock.ts';
import { addPerson, addService, createTokens, logIn } from '../test-support/people.ts';
import { openTempKeys, type TempKeys } from '../test-support/temp-keys.ts';
import { sweep, warnOfEnds } from './chores.ts';

const dayMs = 86_400_000;

let temp: TempKeys;
let clock: TestClock;
beforeEach(async () => {
  temp = await openTempKeys();
  clock = createTestClock();
});
afterEach(() => temp[Symbol.dispose]());

it('IA-44 a service whose last token ends within 30 days is warned of, and so is the certificate', () => {
  const { store } = temp;
  const { issuer } = createTokens(temp);
  const issue = (name: string, days: number) => {
    const account = addService(store, name, clock.now());
    const draft = { audience: ['platform'], ttlMs: days * dayMs, label: '' };
    store.change((writer) => issuer.forSystem(writer, account, draft, clock.now()));
  };
  issue('mcr', 20);
  issue('mcq', 40);
  const logger = recordingLogger();
  warnOfEnds({ store, clock: clock.now }, logger, new Date(clock.now() + 40 * dayMs));
  expect(logger.lines.map(({ level, fields }) => [level, fields['account']])).toEqual([['warn', 'mcr']]);
  clock.advance(15 * dayMs);
  logger.lines.length = 0;
  warnOfEnds({ store, clock: clock.now }, logger, new Date(clock.now() + 25 * dayMs));
  expect(logger.lines.map(({ msg }) => msg)).toEqual([
    expect.stringContaining('the certificate ends in 25 days'),
    expect.stringContaining('the last token of mcq ends in 25 days'),
    expect.stringContaining('the last token of mcr ends in 5 days'),
  ]);
});

it('what has expired is removed, 500 rows of a kind at a time; token rows stay a week', () => {
  const { store, sealer } = temp;
  const softLocks = createSoftLocks();
  const ann = addPerson(store, 'ann', ['user'], clock.now());
  const { issuer } = createTokens(temp);
  store.change((writer) => {
    for (let i = 0; i < 600; i++) {
      const draft = { kind: 'mfa', accountId: ann.id, sessionId: null, data: null, lifetimeMs: 60_000 } as const;
      issueTicket(writer, sealer, draft, clock.now());
    }
    softLocks.fail(writer, 'nobody', clock.now());
  });
  const { session } = logIn(store, ann, clock.now());
  store.change((writer) => issuer.forSession(writer, ann, session, ['mcq'], clock.now()));
  const rows = (table: string) => store.reader.get<{ n: number }>(`SELECT count(*) AS n FROM ${table}`)?.n;
  const inForce = () => ({ config: { audit: { retain: 365 * dayMs } } }) as never;
  const run = () => sweep({ store, softLocks, clock: clock.now, inForce });

  clock.advance(120_000);
  run();
  expect(rows('tickets')).toBe(100);
  run();
  expect([rows('tickets'), rows('tokens'), rows('sessions'), rows('throttle')]).toEqual([0, 1, 1, 1]);
  clock.advance(2 * dayMs);
  run();
  expect([rows('tokens'), rows('sessions'), rows('throttle')]).toEqual([1, 1, 0]);
  clock.advance(7 * dayMs);
  run();
  run();
  expect([rows('tokens'), rows('sessions')]).toEqual([0, 0]);
});
