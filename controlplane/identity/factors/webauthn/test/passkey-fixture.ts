import { addAccount } from '../../../test-support/add-account.ts';
import { startOfTests } from '../../../test-support/clock.ts';
import { openTempKeys, type TempKeys } from '../../../test-support/temp-keys.ts';
import { refusalOf } from '../../../errors.ts';
import { createPasskeyAuthentication, type PasskeyAuthentication } from '../authentication.ts';
import type { Passkey } from '../passkeys.ts';
import { createPasskeyRegistration, type PasskeyRegistration } from '../registration.ts';
import { createSoftwareAuthenticator, type KeyKind, type SoftwareAuthenticator } from './software-authenticator.ts';

export const origin = 'https://mcias.example.test';
export const rpId = 'mcias.example.test';
export const now = startOfTests;
export const ttlMs = 300_000;

export type PasskeyFixture = TempKeys & {
  readonly registration: PasskeyRegistration;
  readonly authentication: PasskeyAuthentication;
  addAccount(name: string): string;
  /** Registers a new authenticator for the account. */
  enrol(
    accountId: string,
    options?: { kind?: KeyKind; counts?: boolean },
  ): Promise<{ authenticator: SoftwareAuthenticator; passkey: Passkey }>;
};

export async function openPasskeyFixture(): Promise<PasskeyFixture> {
  const temp = await openTempKeys({ series: [] });
  const { store, sealer } = temp;
  const relyingParty = () => ({ rpId, name: 'mcias', origins: [origin] });
  const options = { store, sealer, relyingParty, ttlMs: () => ttlMs };
  const registration = createPasskeyRegistration(options);

  return {
    ...temp,
    registration,
    authentication: createPasskeyAuthentication(options),
    addAccount: (name) => addAccount(store, name),
    async enrol(accountId, { kind, counts } = {}) {
      const authenticator = createSoftwareAuthenticator(origin, kind, counts);
      const registrant = { accountId, sessionId: 's1' };
      const names = { name: 'ann', displayName: 'Ann' };
      const { ticket, publicKey } = store.change((w) => registration.begin(w, registrant, names, now));
      const made = await registration.verify(registrant, ticket, authenticator.create(publicKey), now);
      const passkey = store.change((w) => registration.add(w, made, 'laptop', now));
      return { authenticator, passkey };
    },
  };
}

/** What became of it: `done`, or the code and the reason of the refusal. */
export async function outcomeOf(work: Promise<unknown> | (() => unknown)): Promise<string> {
  try {
    await (typeof work === 'function' ? work() : work);
  } catch (error) {
    return `${(error as { code?: string }).code} ${refusalOf(error)?.reason ?? ''}`.trim();
  }
  return 'done';
}
