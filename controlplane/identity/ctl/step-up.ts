import type { LoginRecord } from './login-file.ts';
import type { Session } from './session.ts';

/** Asks for password and code again: sensitive commands want a login of the last minutes. */
export async function stepUp(session: Session, record: LoginRecord): Promise<void> {
  const { api, prompts, terminal, signal, keep } = session;
  terminal.progress('this needs a fresh login');
  const password = await prompts.secret(`Password of ${record.account}: `);
  const totpCode = await prompts.secret('TOTP code, empty for none: ');
  const proof = { $case: 'password', value: { password, totpCode } } as const;
  const { token } = await api.auth.stepUp({ proof }, { signal });
  // The new token has the life of the old one's kind; when to renew it is not said, so the next command does.
  const expiresAt = new Date(record.expires_at);
  keep({ token, expiresAt, renewAfter: new Date() }, record.account);
}
