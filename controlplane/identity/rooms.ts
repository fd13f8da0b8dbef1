import type { Frozen } from '../../mcdsl/config/index.ts';
import { trustProxies, type TrustedProxies } from '../../mcdsl/http/index.ts';
import { toSettings, type IdentityConfig, type Settings } from './config/index.ts';
import {
  createPasskeyAuthentication,
  createPasskeyRegistration,
  createRecoveryCodes,
  createTotpFactors,
  type PasskeyRegistration,
  type RecoveryCodes,
  type TotpFactors,
} from './factors/index.ts';
import {
  createKeyring,
  createSealer,
  readMasterKeys,
  type Keyring,
  type MasterKeySource,
  type Sealer,
} from './keys/index.ts';
import { createLogin, createStepUp, type Login, type StepUp } from './login/index.ts';
import { createPasswords, readBlocklist, type PasswordRules, type Passwords } from './passwords/index.ts';
import { createPolicyStore, type PolicyStore } from './policy/index.ts';
import type { Store } from './store/index.ts';
import { createAddressBuckets, createSoftLocks, type AddressBuckets, type SoftLocks } from './throttle/index.ts';
import {
  createActivity,
  createTokenIssuer,
  createTokenVerifier,
  type Activity,
  type TokenIssuer,
  type TokenVerifier,
} from './tokens/index.ts';
import { identityErrors } from './errors.ts';

/** What the file says now; a reload replaces the whole. */
export type InForce = {
  readonly config: Frozen<IdentityConfig>;
  readonly settings: Settings;
  readonly passwordRules: PasswordRules;
  /** Services that forward logins. */
  readonly forwarders: TrustedProxies;
};

/** The rooms of one mcias over one database, as API and pages use them. */
export type Rooms = {
  readonly store: Store;
  readonly sealer: Sealer;
  readonly keyring: Keyring;
  readonly passwords: Passwords;
  readonly totp: TotpFactors;
  readonly recovery: RecoveryCodes;
  readonly registration: PasskeyRegistration;
  readonly softLocks: SoftLocks;
  readonly buckets: AddressBuckets;
  readonly policy: PolicyStore;
  readonly login: Login;
  readonly stepUp: StepUp;
  readonly issuer: TokenIssuer;
  readonly verifier: TokenVerifier;
  readonly activity: Activity;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  inForce(): InForce;
  /** Puts another configuration in force for whatever comes after. */
  apply(next: InForce): void;
};

export type RoomsOptions = {
  readonly store: Store;
  readonly masterKey: MasterKeySource;
  readonly inForce: InForce;
  readonly clock?: () => number;
};

/** @throws failed_precondition when a file that the configuration names cannot be used; nothing has changed then */
export function readInForce(config: Frozen<IdentityConfig>): InForce {
  const { password, rate_limit } = config;
  const read = password.blocklist_file === '' ? null : readBlocklist(password.blocklist_file);
  if (read?.ok === false) throw identityErrors.error('failed_precondition', read.message);
  return {
    config,
    settings: toSettings(config),
    passwordRules: { minLength: password.min_length, blocklist: read?.blocklist ?? new Set() },
    forwarders: trustProxies(rate_limit.forwarders),
  };
}

export function createRooms(options: RoomsOptions): Rooms {
  const { store, masterKey, clock = Date.now } = options;
  let current = options.inForce;
  const { settings } = current;
  const sealer = createSealer(store.reader, () => readMasterKeys(masterKey).keys);
  const keyring = createKeyring({ store, sealer, series: settings.keySeries, times: settings.keyTimes });
  const passwords = createPasswords({ store, sealer, ...settings.passwords });
  const mfaTtlMs = (): number => current.config.auth.mfa_ttl;
  const passkeyOptions = {
    store,
    sealer,
    relyingParty: () => {
      const { passkeys } = current.settings;
      if (passkeys !== null) return { ...passkeys, name: 'mcias' };
      throw identityErrors.error('failed_precondition', 'passkeys are off: they need a domain in public_url');
    },
    ttlMs: mfaTtlMs,
  };
  const totp = createTotpFactors({ sealer, issuer: 'mcias', skew: () => current.config.totp.skew });
  const recovery = createRecoveryCodes(sealer);
  const softLocks = createSoftLocks();
  const buckets = createAddressBuckets(bucketRate(current));
  const loginOptions = {
    store,
    sealer,
    passwords,
    totp,
    recovery,
    passkeys: createPasskeyAuthentication(passkeyOptions),
    softLocks,
    buckets,
    clock,
    mfaTtlMs,
  };
  const issuerName = (): string => current.settings.issuer;
  return {
    store,
    sealer,
    keyring,
    passwords,
    totp,
    recovery,
    registration: createPasskeyRegistration(passkeyOptions),
    softLocks,
    buckets,
    policy: createPolicyStore(store.reader),
    login: createLogin(loginOptions),
    stepUp: createStepUp(loginOptions),
    issuer: createTokenIssuer({ keyring, issuer: issuerName, times: () => current.settings.tokenTimes }),
    verifier: createTokenVerifier({ store, keyring, issuer: issuerName }),
    activity: createActivity(),
    clock,
    inForce: () => current,
    apply(next) {
      passwords.setSettings(next.settings.passwords);
      buckets.setRate(bucketRate(next));
      current = next;
    },
  };
}

function bucketRate({ config }: InForce): { readonly perMinute: number; readonly burst: number } {
  return { perMinute: config.rate_limit.login_per_minute, burst: config.rate_limit.login_burst };
}
