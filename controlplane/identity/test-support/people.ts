import { createAccount, type Account } from '../accounts/index.ts';
import type { Role } from '../policy/index.ts';
import { openSession, type OpenedSession, type SessionTimes } from '../sessions/index.ts';
import type { Store } from '../store/index.ts';
import { createTokenIssuer, createTokenVerifier, type TokenTimes } from '../tokens/index.ts';
import type { TempKeys } from './temp-keys.ts';

const hour = 3_600_000;

export const testSessionTimes: SessionTimes = { idleMs: 24 * hour, maxMs: 168 * hour, adminMaxMs: 12 * hour };
export const testTokenTimes: TokenTimes = {
  humanTtlMs: hour,
  systemTtlMs: 8760 * hour,
  renewOverlapMs: 60_000,
  systemRenewOverlapMs: 24 * hour,
};
export const testIssuer = 'https://mcias.example.test';

export function addPerson(store: Store, name: string, roles: readonly Role[], now: number): Account {
  const draft = { name, type: 'human', roles, displayName: '', email: '', groups: [] } as const;
  return store.change((writer) => createAccount(writer, draft, 'test', now));
}

export function addService(store: Store, name: string, now: number): Account {
  const draft = { name, type: 'system', roles: [], displayName: '', email: '', groups: [] } as const;
  return store.change((writer) => createAccount(writer, draft, 'test', now));
}

export function logIn(store: Store, account: Account, now: number): OpenedSession {
  const isAdmin = account.roles.includes('admin');
  return store.change((writer) =>
    openSession(
      writer,
      { accountId: account.id, isAdmin, amr: ['pwd'], ip: '192.0.2.1', userAgent: 'test' },
      testSessionTimes,
      now,
    ),
  );
}

/** Issuer and verifier over one database, as a server has them. */
export function createTokens({ store, keyring }: TempKeys, cacheEntries?: number) {
  const issuer = createTokenIssuer({ keyring, issuer: () => testIssuer, times: () => testTokenTimes });
  const deps = { store, keyring, issuer: () => testIssuer };
  const verifier = createTokenVerifier(cacheEntries === undefined ? deps : { ...deps, cacheEntries });
  return { issuer, verifier };
}
