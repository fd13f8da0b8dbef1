import type { Command } from 'commander';

import { refuseUsage } from '../../../mcdsl/command/errors.ts';
import { SystemError } from '../../../mcdsl/errors/index.ts';
import type { ExitCode, Terminal } from '../../../mcdsl/terminal/index.ts';
import type { TokenGrant } from '../../../proto/gen/mcias/v1/common.ts';
import type { Api, Target } from './api/api.ts';
import { grpcApi } from './api/grpc.ts';
import { restApi } from './api/rest.ts';
import { ctlErrors } from './errors.ts';
import type { LoginFile, LoginRecord } from './login-file.ts';
import { readToken } from './private-file.ts';
import type { Prompts } from './prompts.ts';
import { stepUp } from './step-up.ts';

/** What a command works with. */
export type Session = {
  readonly api: Api;
  readonly target: Target;
  readonly terminal: Terminal;
  readonly prompts: Prompts;
  readonly loginFile: LoginFile;
  /** Aborts on Ctrl-C, and when nobody reads standard output any more. */
  readonly signal: AbortSignal;
  /** Puts a token in force for what comes after, and keeps it for later commands. */
  keep(grant: Pick<TokenGrant, 'token' | 'expiresAt' | 'renewAfter'>, account: string): void;
};

export type Work = (session: Session) => Promise<ExitCode | void>;
/** `anonymous`: without a token; whoever is logged in is left alone. */
export type Run = (work: Work, options?: { readonly anonymous?: boolean }) => Promise<void>;

export type GlobalOptions = {
  readonly server?: string;
  readonly grpcAddress?: string;
  readonly caCert?: string;
  readonly serverName?: string;
  readonly tokenFile?: string;
  readonly grpc?: true;
};

export type SessionDeps = Pick<Session, 'terminal' | 'prompts' | 'loginFile' | 'signal'>;

const grpcPort = 9443;

/** Does a command's work with a connection: renews the token where it is due, and once asks for a fresh login where that is wanted. */
export async function withSession(
  command: Command,
  deps: SessionDeps,
  anonymous: boolean,
  work: Work,
): Promise<ExitCode | void> {
  const { prompts, loginFile } = deps;
  const options = command.opts<GlobalOptions>();
  const record = loginFile.read();
  const target = targetOf(options, record);
  const own = record?.server === target.server ? record : null;
  let token = anonymous ? null : tokenOf(options, own);
  const isOwn = options.tokenFile === undefined;

  using api = (options.grpc === true ? grpcApi : restApi)({ target, token: () => token });
  const keep: Session['keep'] = (grant, account) => {
    const { expiresAt = new Date(), renewAfter = expiresAt } = grant;
    token = grant.token;
    loginFile.write({
      server: target.server,
      grpc_address: target.grpcAddress,
      ca_cert: target.caCert,
      server_name: target.serverName,
      token,
      account,
      expires_at: expiresAt.toISOString(),
      renew_after: renewAfter.toISOString(),
    });
  };
  const session: Session = { ...deps, api, target, keep };
  const usesLogin = !anonymous && isOwn && own !== null;
  try {
    if (usesLogin && Date.now() > Date.parse(own.renew_after)) {
      keep(await api.tokens.renew({}, { signal: deps.signal }), own.account);
    }
    return await work(session);
  } catch (error) {
    if (!usesLogin || !(error instanceof SystemError)) throw error;
    if (error.code === 'invalid_token')
      throw ctlErrors.error('not_logged_in', ended(target.server), {}, { cause: error });
    if (error.code !== 'step_up_required' || !prompts.canAsk) throw error;
    // A refused command changed nothing, so it may be done again.
    await stepUp(session, own);
    return work(session);
  }
}

function ended(server: string): string {
  return `your login at ${server} has ended; run mciasctl login`;
}

function tokenOf({ tokenFile }: GlobalOptions, record: LoginRecord | null): string {
  if (tokenFile !== undefined) return readToken(tokenFile);
  if (record !== null) return record.token;
  throw ctlErrors.error('not_logged_in');
}

/** What is not said is as it was at the login. A token is only ever sent where it came from. */
function targetOf(options: GlobalOptions, record: LoginRecord | null): Target {
  const server = originOf(
    options.server ?? record?.server ?? refuseUsage('say where mcias is: --server https://HOST:8443'),
  );
  const known = record?.server === server ? record : null;
  return {
    server,
    grpcAddress: options.grpcAddress ?? known?.grpc_address ?? `${new URL(server).hostname}:${grpcPort}`,
    caCert: options.caCert ?? known?.ca_cert ?? '',
    serverName: options.serverName ?? known?.server_name ?? '',
  };
}

function originOf(text: string): string {
  const url = URL.parse(text);
  if (
    url === null ||
    !/^https?:$/.test(url.protocol) ||
    url.pathname !== '/' ||
    url.search !== '' ||
    url.username !== ''
  ) {
    return refuseUsage(`--server ${JSON.stringify(text)} is no address such as https://mcias.example.test:8443`);
  }
  return url.origin;
}
