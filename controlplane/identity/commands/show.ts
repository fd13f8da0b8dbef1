import { escapeControl, formatPairs, formatTable } from '../../../mcdsl/terminal/index.ts';
import type { Column } from '../../../mcdsl/terminal/index.ts';
import type { Ended } from '../sessions/index.ts';
import type { TokenInfo } from '../tokens/index.ts';
import type { Initialized } from './init.ts';
import type { Recovered } from './recover.ts';
import type { Restored } from './restore.ts';

/** What `terminal.show` takes. */
export type Shown = [json: unknown, text: () => string];

export function initialized(done: Initialized): Shown {
  const { account, masterKeyId, masterKeyFile, password } = done;
  const json = { account, master_key_id: masterKeyId, master_key_file: masterKeyFile, ...passwordField(password) };
  return [
    json,
    () =>
      lines(
        `${account} is the first admin`,
        passwordLine(password),
        `master key ${masterKeyId} is in ${masterKeyFile}: keep a copy of it, apart from snapshots of the database`,
        'next: start `mcias server`, log in and enrol a second factor',
      ),
  ];
}

export function recovered(done: Recovered): Shown {
  const { account, roles, created, enabled, grantedAdmin, clearedMfa, unlocked, secondFactors, password } = done;
  const json = {
    account,
    roles,
    created,
    enabled,
    granted_admin: grantedAdmin,
    cleared_mfa: clearedMfa,
    unlocked,
    sessions_ended: done.ended.sessions,
    tokens_ended: done.ended.tokens,
    second_factors_left: secondFactors,
    ...passwordField(password),
  };
  return [
    json,
    () =>
      lines(
        `${account} ${created ? 'was created' : 'has a new password'}, with the roles ${roles.join(', ') || 'none'}`,
        passwordLine(password),
        enabled && 'the account was disabled and is enabled now',
        grantedAdmin && !created && 'the role admin was granted',
        clearedMfa && 'TOTP, passkeys and recovery codes are removed',
        unlocked && 'failed logins are forgotten',
        endedLine(done.ended),
        secondFactors && 'a second factor is still asked for; --clear-mfa removes it',
      ),
  ];
}

export function restored(done: Restored): Shown {
  const { database, setAside, ended, systemTokens } = done;
  const json = {
    database,
    set_aside: setAside,
    sessions_ended: ended.sessions,
    tokens_ended: ended.tokens,
    system_tokens: systemTokens.map(tokenJson),
  };
  return [
    json,
    () =>
      lines(
        `${database} is the snapshot now`,
        setAside !== null && `the database before is ${escapeControl(setAside)}`,
        endedLine(ended),
        systemTokens.length > 0 && 'these system tokens are valid; revoke those that were revoked after the snapshot:',
        systemTokens.length > 0 && formatTable(tokenColumns, systemTokens).trimEnd(),
      ),
  ];
}

/** Pairs, then what stands below them. */
export function page(pairs: Parameters<typeof formatPairs>[0], below: string): string {
  return [formatPairs(pairs), below].filter((block) => block !== '').join('\n');
}

const tokenColumns: readonly Column<TokenInfo>[] = [
  { title: 'account', value: ({ account }) => account },
  { title: 'label', value: ({ label }) => label },
  { title: 'token', value: ({ tokenId }) => tokenId },
  { title: 'expires', value: ({ expiresAt }) => new Date(expiresAt).toISOString() },
];

function tokenJson({ tokenId, account, label, audience, issuedAt, expiresAt, lastUsedAt }: TokenInfo) {
  return {
    token_id: tokenId,
    account,
    label,
    audience,
    issued_at: new Date(issuedAt),
    expires_at: new Date(expiresAt),
    last_used_at: lastUsedAt === null ? null : new Date(lastUsedAt),
  };
}

function endedLine({ sessions, tokens }: Ended): string {
  return `ended: ${sessions} session${sessions === 1 ? '' : 's'}, ${tokens} token${tokens === 1 ? '' : 's'}`;
}

function passwordLine(password: string | null): string | false {
  return password !== null && `password, shown this once: ${password}`;
}

function passwordField(password: string | null): { readonly password?: string } {
  return password === null ? {} : { password };
}

function lines(...wanted: readonly (string | false)[]): string {
  return `${wanted.filter((line) => line !== false).join('\n')}\n`;
}
