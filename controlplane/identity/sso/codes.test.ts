import { createHash } from 'node:crypto';

import * as fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { newSecret } from '../../../mcdsl/secrets/index.ts';
import { setRoles } from '../accounts/index.ts';
import { refusalOf } from '../errors.ts';
import type { Session } from '../sessions/index.ts';
import { endSession } from '../sessions/index.ts';
import { logIn } from '../test-support/people.ts';
import { accountOf, startMcias, type Mcias } from '../test-support/mcias.ts';
import { issueCode } from './codes.ts';
import { exchangeCode, type CodeExchange } from './index.ts';

const redirectUri = 'https://app.example.test/sso/callback';
const client = { clientId: 'mcq', redirectUri, serviceName: 'mcq', tags: [] };
const source = { actor: '', actorKind: 'anonymous', ip: '192.0.2.1', requestId: 'r1' } as const;

let mcias: Mcias;
let session: Session;
let nth = 0;

beforeAll(async () => {
  mcias = await startMcias(`[[sso_clients]]
client_id = "mcq"
redirect_uri = "${redirectUri}"
service_name = "mcq"
`);
});
afterAll(() => mcias[Symbol.asyncDispose]());
beforeEach(async () => {
  const name = `ann${nth++}`;
  await mcias.addPerson(name, ['user']);
  session = logIn(mcias.rooms.store, accountOf(mcias, name), mcias.clock.nowMs).session;
});

function begin() {
  const verifier = newSecret();
  const challenge = createHash('sha256').update(verifier).digest('base64url');
  const code = mcias.rooms.store.change((w) => issueCode(w, { client, challenge, session }, mcias.clock.nowMs));
  return { code, clientId: 'mcq', redirectUri, codeVerifier: verifier };
}

function outcome(draft: CodeExchange): string {
  try {
    return exchangeCode(mcias.rooms, draft, source).account.name;
  } catch (error) {
    return `${(error as { code: string }).code} ${refusalOf(error)?.reason}`;
  }
}

const verify = (token: string) => mcias.rooms.verifier.verify(token, mcias.clock.nowMs);

describe('codes of single sign-on', () => {
  it('IA-50 a code becomes a token of the session for the service of the client', async () => {
    const { issued } = exchangeCode(mcias.rooms, begin(), source);
    const verified = await verify(issued.token);
    if (!verified.ok) throw new Error(verified.reason);
    expect(verified.claims).toMatchObject({ aud: ['mcq'], sid: session.id });
    expect(mcias.audited().at(-1)).toBe('sso.code_exchanged');
  });

  it('IA-50 bad input row 28: a second use is refused and revokes what the first one got', async () => {
    const draft = begin();
    const { issued } = exchangeCode(mcias.rooms, draft, source);
    expect(outcome(draft)).toBe('invalid_grant code_replay');
    expect(await verify(issued.token)).toMatchObject({ ok: false, reason: 'revoked' });
    expect(mcias.audited().at(-1)).toBe('sso.refused code_replay');
  });

  it.each([
    ['codeVerifier', newSecret()],
    ['codeVerifier', 'short'],
    ['clientId', 'other'],
    ['redirectUri', `${redirectUri}/`],
  ])('IA-48 IA-50 bad input row 29: another %s burns the code', (field, value) => {
    const draft = begin();
    expect(outcome({ ...draft, [field]: value })).toBe('invalid_grant code_mismatch');
    expect(outcome(draft)).toBe('invalid_grant code_replay');
  });

  it('IA-50 bad input row 29: after 60 s, or when its session has ended, it is worth nothing', () => {
    const late = begin();
    mcias.clock.nowMs += 60_000;
    expect(outcome(late)).toBe('invalid_grant code_expired');
    const orphan = begin();
    mcias.rooms.store.change((w) => endSession(w, session.id, 'logout', mcias.clock.nowMs));
    expect(outcome(orphan)).toBe('invalid_grant code_unknown');
    expect(outcome({ ...orphan, code: newSecret() })).toBe('invalid_grant code_unknown');
    expect(outcome({ ...orphan, code: 'nothing' })).toBe('invalid_grant code_unknown');
  });

  it('IA-29 policy is asked again when the code comes back', () => {
    const draft = begin();
    const { id, revision } = accountOf(mcias, `ann${nth - 1}`);
    mcias.rooms.store.change((w) => setRoles(w, id, revision, ['guest'], 'test', mcias.clock.nowMs));
    expect(outcome(draft)).toBe('policy_denied no_match');
  });

  it('a session may hold 200 codes, then it has to wait', () => {
    for (let n = 0; n < 200; n++) begin();
    expect(() => begin()).toThrow(/too many sign-ons/);
    mcias.clock.nowMs += 3_661_000;
    expect(outcome(begin())).toBe(`ann${nth - 1}`);
  });

  it('IA-50 in any order of tries at most one token of a code is ever good', async () => {
    const tries = fc.array(fc.record({ at: fc.nat(2), isRight: fc.boolean() }), { minLength: 2, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(tries, async (order) => {
        const drafts = [begin(), begin(), begin()];
        const used = new Map<number, number>();
        const tokens: { at: number; token: string }[] = [];
        for (const { at, isRight } of order) {
          used.set(at, (used.get(at) ?? 0) + 1);
          const draft = drafts[at] ?? begin();
          try {
            const given = isRight ? draft : { ...draft, codeVerifier: newSecret() };
            tokens.push({ at, token: exchangeCode(mcias.rooms, given, source).issued.token });
          } catch (error) {
            expect((error as { code: string }).code).toBe('invalid_grant');
          }
        }
        expect(new Set(tokens.map(({ at }) => at)).size).toBe(tokens.length);
        for (const { at, token } of tokens) expect((await verify(token)).ok).toBe(used.get(at) === 1);
      }),
      { numRuns: 25 },
    );
  });
});
