import { addAccount } from '../../test-support/add-account.ts';
import { createTestClock, type TestClock } from '../../test-support/clock.ts';
import { openTempKeys, type TempKeys } from '../../test-support/temp-keys.ts';
import { listAudit, everything } from '../../audit/index.ts';
import { refusalOf } from '../../errors.ts';
import {
  createPasskeyAuthentication,
  createPasskeyRegistration,
  createRecoveryCodes,
  createTotpFactors,
} from '../../factors/index.ts';
import { totpCode, totpStep } from '../../factors/totp.ts';
import {
  createSoftwareAuthenticator,
  type SoftwareAuthenticator,
} from '../../factors/webauthn/test/software-authenticator.ts';
import { createPasswords } from '../../passwords/index.ts';
import { createAddressBuckets, createSoftLocks } from '../../throttle/index.ts';
import { createLogin, createStepUp, type LoginOptions, type Origin } from '../index.ts';

export const password = 'a password of ann';
export const from: Origin = { ip: '192.0.2.1', requestId: 'r1', service: 'mcq' };
const webOrigin = 'https://mcias.example.test';

export type LoginFixture = TempKeys & {
  readonly clock: TestClock;
  readonly options: LoginOptions;
  readonly login: ReturnType<typeof createLogin>;
  readonly stepUp: ReturnType<typeof createStepUp>;
  /** An enabled person with the password. */
  addPerson(name: string): Promise<string>;
  /** Enrols TOTP and returns the code of a step, counted from now. */
  enrolTotp(accountId: string): (offset?: number) => string;
  enrolPasskey(accountId: string): Promise<SoftwareAuthenticator>;
  recoveryCodes(accountId: string): readonly string[];
  /** Reasons in the audit log, the oldest first. */
  auditedReasons(): readonly string[];
};

export async function openLoginFixture(burst = 1_000): Promise<LoginFixture> {
  const temp = await openTempKeys({ series: [] });
  const { store, sealer } = temp;
  const clock = createTestClock();
  const totpSecret = new Map<string, string>();
  const relyingParty = () => ({ rpId: 'mcias.example.test', name: 'mcias', origins: [webOrigin] });
  const passkeyOptions = { store, sealer, relyingParty, ttlMs: () => 300_000 };
  const registration = createPasskeyRegistration(passkeyOptions);
  const totp = createTotpFactors({ sealer, issuer: 'mcias', skew: () => 1 });
  const recovery = createRecoveryCodes(sealer);
  const passwords = createPasswords({
    store,
    sealer,
    params: { memoryKib: 64, passes: 2, parallelism: 1 },
    memoryCapBytes: 4 * 65_536,
    queue: 64,
    queueTimeoutMs: 60_000,
  });
  const options: LoginOptions = {
    store,
    sealer,
    passwords,
    totp,
    recovery,
    passkeys: createPasskeyAuthentication(passkeyOptions),
    softLocks: createSoftLocks(),
    buckets: createAddressBuckets({ perMinute: 30, burst }),
    clock: clock.now,
    mfaTtlMs: () => 300_000,
  };

  return {
    ...temp,
    clock,
    options,
    login: createLogin(options),
    stepUp: createStepUp(options),

    async addPerson(name) {
      const id = addAccount(store, name);
      const hashed = await passwords.hash(password);
      store.change((w) => passwords.store(w, id, hashed, clock.now()));
      return id;
    },

    enrolTotp(accountId) {
      const { secret } = store.change((w) => totp.begin(w, { id: accountId, name: 'ann' }, clock.now()));
      totpSecret.set(accountId, secret);
      const codeOf = (offset = 0) => totpCode(decodeBase32(secret), totpStep(clock.now()) + offset);
      store.change((w) => totp.confirm(w, accountId, codeOf(-1), clock.now()));
      return codeOf;
    },

    async enrolPasskey(accountId) {
      const authenticator = createSoftwareAuthenticator(webOrigin);
      const registrant = { accountId, sessionId: 's1' };
      const names = { name: 'ann', displayName: '' };
      const { ticket, publicKey } = store.change((w) => registration.begin(w, registrant, names, clock.now()));
      const made = await registration.verify(registrant, ticket, authenticator.create(publicKey), clock.now());
      store.change((w) => registration.add(w, made, 'laptop', clock.now()));
      return authenticator;
    },

    recoveryCodes: (accountId) => store.change((w) => recovery.create(w, accountId, clock.now())),
    auditedReasons: () =>
      listAudit(store.reader, everything, { limit: 500, cursor: null })
        .items.map(({ reason }) => reason)
        .toReversed(),
  };
}

/** Code, reason and seconds to wait of what was refused; the kind of what was not. */
export async function outcomeOf(work: Promise<unknown> | (() => unknown)): Promise<string> {
  try {
    const done = (await (typeof work === 'function' ? work() : work)) as { kind?: string } | undefined;
    return done?.kind ?? 'done';
  } catch (error) {
    const { code, retryAfterSeconds } = error as { code?: string; retryAfterSeconds?: number | null };
    const wait = retryAfterSeconds === null || retryAfterSeconds === undefined ? '' : ` ${retryAfterSeconds}s`;
    return `${code} ${refusalOf(error)?.reason ?? String(error)}${wait}`;
  }
}

/** What an authenticator app does with the secret that it is shown. */
function decodeBase32(text: string): Buffer {
  const bits = [...text]
    .map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0'))
    .join('');
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
}
