import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { openPasskeyFixture, now, origin, outcomeOf, type PasskeyFixture } from './test/passkey-fixture.ts';
import { createSoftwareAuthenticator } from './test/software-authenticator.ts';
import { parseAuthentication, parseRegistration } from './response.ts';

let fixture: PasskeyFixture;
let ann: string;
beforeEach(async () => {
  fixture = await openPasskeyFixture();
  ann = fixture.addAccount('ann');
});
afterEach(() => fixture[Symbol.dispose]());

type Answer = { response: Record<string, string> };

const bytes = fc.uint8Array({ maxLength: 200 }).map((b) => Buffer.from(b).toString('base64url'));
/** A good text with some of its bytes changed, or cut. */
const damaged = (text: string) =>
  fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 }), fc.boolean()).map(([at, change, cut]) => {
    const good = Buffer.from(text, 'base64url');
    const index = at % good.length;
    good.writeUInt8(good.readUInt8(index) ^ change, index);
    return good.subarray(0, cut ? index : good.length).toString('base64url');
  });

describe('damaged WebAuthn responses', () => {
  it('IA-21 are refused, whatever is in them, and never an internal error', async () => {
    const registrant = { accountId: ann, sessionId: 's1' };
    const authenticator = createSoftwareAuthenticator(origin);
    const begin = () =>
      fixture.store.change((w) => fixture.registration.begin(w, registrant, { name: 'ann', displayName: '' }, now));
    const sample = authenticator.create(begin().publicKey) as Answer;
    const attestations = fc.oneof(bytes, damaged(sample.response['attestationObject'] ?? ''));
    await fc.assert(
      fc.asyncProperty(attestations, async (attestationObject) => {
        const { ticket, publicKey } = begin();
        const answer = authenticator.create(publicKey) as Answer;
        const response = { ...answer, response: { ...answer.response, attestationObject } };
        const outcome = await outcomeOf(fixture.registration.verify(registrant, ticket, response, now));
        // A changed byte of the key or the id that leaves them well-formed makes another passkey, which nobody can use.
        expect(outcome).toMatch(/^(invalid_credentials|invalid_argument) \w+$|^done$/);
      }),
      { numRuns: 60 },
    );
  });

  it('IA-21 do not log in with a changed byte anywhere in what is signed', async () => {
    const { authenticator } = await fixture.enrol(ann, { counts: false });
    const begin = () => fixture.store.change((w) => fixture.authentication.begin(w, { kind: 'login' }, now));
    const sample = authenticator.get(begin().publicKey) as Answer;
    const parts = fc.constantFrom('authenticatorData', 'signature', 'clientDataJSON');
    await fc.assert(
      fc.asyncProperty(
        parts.chain((part) => fc.tuple(fc.constant(part), damaged(sample.response[part] ?? ''))),
        async ([part, value]) => {
          const { ticket, publicKey } = begin();
          const answer = authenticator.get(publicKey) as Answer;
          const response = { ...answer, response: { ...answer.response, [part]: value } };
          const outcome = await outcomeOf(fixture.authentication.verify({ kind: 'login' }, ticket, response, now));
          expect(outcome).toMatch(/^(invalid_credentials|invalid_argument) \w+$/);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('IA-21 of any shape are invalid_argument', () => {
    fc.assert(
      fc.property(fc.anything(), (input) => {
        for (const parse of [parseAuthentication, parseRegistration]) {
          expect(() => parse(input)).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
        }
      }),
    );
  });
});
