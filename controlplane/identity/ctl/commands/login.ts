import type { Command } from 'commander';

import { refuseUsage } from '../../../../mcdsl/command/errors.ts';
import { SystemError } from '../../../../mcdsl/errors/index.ts';
import { formatPairs } from '../../../../mcdsl/terminal/index.ts';
import type { TokenGrant } from '../../../../proto/gen/mcias/v1/common.ts';
import { ctlErrors } from '../errors.ts';
import { shown } from '../json.ts';
import { collect } from '../options.ts';
import type { Run, Session } from '../session.ts';
import { webLogin } from '../web-login.ts';

type LoginOptions = { readonly service?: readonly string[]; readonly web?: boolean };

/** `login`, `logout`, `whoami`. */
export function addLoginCommands(program: Command, run: Run): void {
  program
    .command('login')
    .description('log in, and keep the token in your configuration folder, readable by you alone')
    .argument('[name]', 'account name; asked for when it is left out')
    .option('--service <name>', 'a service that the token is for, beside mcias; may be repeated', collect)
    .option('--web', 'log in with a browser on this machine, which also knows passkeys')
    .action((name: string | undefined, { service = [], web = false }: LoginOptions) =>
      run(
        async (session) => {
          if (web && (service.length > 0 || name !== undefined))
            refuseUsage('--web takes neither a name nor --service');
          const grant = web ? await webLogin(session) : await passwordLogin(session, name, service);
          const account = grant.account?.name ?? '';
          session.keep(grant, account);
          const json = { account, server: session.target.server, expires_at: shown(grant.expiresAt) };
          session.terminal.show(json, () => `logged in as ${account} at ${session.target.server}`);
        },
        { anonymous: true },
      ),
    );

  program
    .command('logout')
    .description('end this login')
    .option('--everywhere', 'end all of your sessions')
    .action(({ everywhere = false }: { everywhere?: boolean }) =>
      run(async ({ api, loginFile, terminal, signal }) => {
        await api.auth.logout({ everywhere }, { signal }).catch((error: unknown) => {
          // What has ended by itself needs no end.
          if (!(error instanceof SystemError) || error.code !== 'invalid_token') throw error;
        });
        loginFile.remove();
        terminal.show({ logged_out: true }, () => 'logged out');
      }),
    );

  program
    .command('whoami')
    .description('show who is logged in, with what to log in with')
    .action(() =>
      run(async ({ api, terminal, signal }) => {
        const { profile } = await api.credentials.getProfile({}, { signal });
        terminal.show(shown(profile), () =>
          formatPairs([
            ['account', profile?.name],
            ['roles', profile?.roles.join(', ')],
            ['display name', profile?.displayName],
            ['email', profile?.email],
            ['groups', profile?.groups.join(', ')],
            ['totp', profile?.hasTotp === true ? 'yes' : 'no'],
            ['passkeys', profile?.passkeys],
            ['recovery codes', profile?.recoveryCodesLeft],
          ]),
        );
      }),
    );
}

async function passwordLogin(
  session: Session,
  name: string | undefined,
  services: readonly string[],
): Promise<TokenGrant> {
  const { api, prompts, signal } = session;
  const username = name ?? (await prompts.line('Account: '));
  const password = await prompts.secret(`Password of ${username}: `);
  const audience = services.length === 0 ? [] : ['mcias', ...services];
  const request = { username, password, serviceName: 'mcias', tags: [], audience, dryRun: false };
  try {
    return await api.auth.login(request, { signal });
  } catch (error) {
    if (!(error instanceof SystemError) || error.code !== 'mfa_required') throw error;
    return secondFactor(session, error);
  }
}

async function secondFactor({ api, prompts, signal }: Session, { details }: SystemError): Promise<TokenGrant> {
  const { mfa_ticket: mfaTicket, methods } = details;
  const offered = Array.isArray(methods) ? methods : [];
  if (typeof mfaTicket !== 'string' || !offered.some((method) => method === 'totp' || method === 'recovery_code')) {
    throw ctlErrors.error('login_failed', 'this account has a passkey and no TOTP: use mciasctl login --web');
  }
  const code = (await prompts.secret('TOTP code, or a recovery code: ')).trim();
  const $case = /^[0-9]{6}$/.test(code) ? 'totpCode' : 'recoveryCode';
  return api.auth.verifyMfa({ mfaTicket, proof: { $case, value: code } }, { signal });
}
