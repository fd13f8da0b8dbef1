import type * as library from 'oidc-provider';
import type { Configuration, KoaContextWithOIDC, Provider } from 'oidc-provider';

import { deleteCookie } from '../../../mcdsl/http/index.ts';
import type { HttpAnswer } from '../../../mcdsl/http/index.ts';
import { findAccountById } from '../accounts/index.ts';
import { evaluate } from '../policy/index.ts';
import { atHand } from './at-hand.ts';
import { createAdapter } from './adapter.ts';
import { toMetadata } from './clients.ts';
import type { OidcDeps } from './deps.ts';

/** Its cookies: signed, for /oidc alone. */
export const cookieNames = {
  session: '__Secure-mcias-op',
  interaction: '__Secure-mcias-op-interaction',
  resume: '__Secure-mcias-op-resume',
};

export const interactionPath = (uid: string): string => `/oidc/interaction/${uid}`;

const second = 1000;
const interactionSeconds = 600;
const codeSeconds = 60;
const idTokenSeconds = 3600;

type Library = typeof library;
/** Of a request, also of one that the provider does not know. */
type Context = Parameters<Parameters<Provider['use']>[0]>[0];

/**
 * oidc-provider set against its defaults where they are not ours: `code` alone, S256 alone and where the client's configuration says
 * so, no registration of clients, no pages of its own, mcias's database below it.
 * @throws Error when a client's secret cannot be read
 */
export function createProvider(loaded: Library, deps: OidcDeps): Provider {
  const { inForce, store, clock, policy } = deps;
  const { settings } = inForce();
  const provider = new loaded.Provider(`${settings.publicUrl}/oidc`, {
    ...configuration(loaded, deps),
    async findAccount(ctx, id) {
      const account = findAccountById(store.reader, id);
      if (account?.status !== 'enabled') return undefined;
      const client = ctx.oidc.client && clientOf(deps, ctx.oidc.client.clientId);
      if (client) {
        const { serviceName, tags } = client;
        const question = { account, context: { serviceName, tags }, now: clock() };
        if (evaluate(policy.snapshot(), question, 'enforce').decision.effect === 'deny') return undefined;
      }
      return {
        accountId: id,
        claims: () => ({
          sub: id,
          preferred_username: account.name,
          name: account.displayName === '' ? account.name : account.displayName,
          ...(account.email === '' ? {} : { email: account.email, email_verified: account.emailVerified }),
          groups: [...new Set<string>([...account.roles, ...account.groups])],
        }),
      };
    },
  });
  // The routes pin host and scheme by the headers that it then believes.
  provider.proxy = true;
  provider.use(async (ctx, next) => {
    await next();
    if (ctx.method === 'POST' && ctx.status === 303) moveOn(deps, ctx);
  });
  provider.on('end_session.success', (ctx) => endSession(deps, ctx));
  return provider;
}

export function clientOf({ inForce }: Pick<OidcDeps, 'inForce'>, clientId: string) {
  return inForce().settings.oidcClients.find((client) => client.clientId === clientId) ?? null;
}

function configuration(loaded: Library, deps: OidcDeps): Configuration {
  const { sealer, keyring, inForce, view, errorPage } = deps;
  const { settings, config } = inForce();
  const cookie = { httpOnly: true, sameSite: 'lax', secure: true, signed: true, path: '/oidc' } as const;
  return {
    adapter: (model: string) => createAdapter(deps, model),
    clients: settings.oidcClients.map(toMetadata),
    jwks: { keys: keyring.signingJwks('oidc').keys.map((key) => ({ ...key })) },
    cookies: {
      names: cookieNames,
      long: cookie,
      short: cookie,
      keys: [sealer.mac('oidc cookies', 'v1').toString('base64url')],
    },
    responseTypes: ['code'],
    scopes: ['openid', 'profile', 'email', 'groups', 'offline_access'],
    claims: {
      openid: ['sub'],
      profile: ['preferred_username', 'name'],
      email: ['email', 'email_verified'],
      groups: ['groups'],
    },
    // Applications look for groups in the id_token as often as at /me.
    conformIdTokenClaims: false,
    enabledJWA: { idTokenSigningAlgValues: ['RS256', 'EdDSA'] },
    clientDefaults: { id_token_signed_response_alg: 'RS256' },
    pkce: { required: (_ctx, { clientId }) => clientOf(deps, clientId)?.requiresPkce ?? true },
    rotateRefreshToken: true,
    issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    ttl: {
      AccessToken: config.oidc.access_ttl / second,
      RefreshToken: config.oidc.refresh_ttl / second,
      Grant: Math.ceil(config.oidc.refresh_ttl / second) + idTokenSeconds,
      AuthorizationCode: codeSeconds,
      IdToken: idTokenSeconds,
      Interaction: interactionSeconds,
      Session: Math.ceil(settings.sessionTimes.maxMs / second),
    },
    features: {
      devInteractions: { enabled: false },
      revocation: { enabled: true, allowedPolicy: isOwn },
      introspection: { enabled: true, allowedPolicy: isOwn },
      resourceIndicators: { enabled: false },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource(ctx, form) {
          answer(ctx, view.show(requireContext(), 'oidc-logout', { form }));
        },
        postLogoutSuccessSource(ctx) {
          answer(ctx, view.show(requireContext(), 'logged-out'));
        },
      },
    },
    interactions: { policy: interactionPolicy(loaded), url: (_ctx, { uid }) => interactionPath(uid) },
    renderError(ctx, { error, error_description: description }) {
      const context = requireContext();
      context.note({ refused: error });
      const shown = { status: ctx.status, code: error, message: description ?? error, details: {} };
      answer(ctx, errorPage(shown, context));
    },
  };
}

/** A client may look at and revoke what was issued to itself. */
function isOwn(_ctx: unknown, { clientId }: { clientId: string }, token: { clientId?: string | undefined }): boolean {
  return token.clientId === clientId;
}

/** A login is also asked for when policy, or the end of the account, leaves none that the client could be told of. */
function interactionPolicy({ interactionPolicy: { Check, base } }: Library) {
  const prompts = base();
  const check = new Check('no_account', 'End-User authentication is required', (ctx) =>
    ctx.oidc.session?.accountId !== undefined && ctx.oidc.account === undefined
      ? Check.REQUEST_PROMPT
      : Check.NO_NEED_TO_PROMPT,
  );
  prompts.get('login')?.checks.add(check);
  return prompts;
}

/** Logging out of an application at mcias is logging out of mcias (IA-46), once the person has said so. */
function endSession({ browsers }: OidcDeps, ctx: KoaContextWithOIDC): void {
  const { context, visitor } = atHand.getStore() ?? {};
  if (context === undefined || !visitor || ctx.oidc.params?.['logout'] === undefined) return;
  browsers.end(context, visitor, false);
  ctx.append('set-cookie', deleteCookie('__Host-mcias'));
}

/**
 * Chrome applies `form-action` of a page to the redirects that follow its form (IA-51), so a form's answer that leads to another
 * origin is a page that goes there.
 */
function moveOn({ inForce, view }: OidcDeps, ctx: Context): void {
  const to = ctx.response.get('location');
  if (URL.parse(to)?.origin === inForce().settings.publicUrl) return;
  ctx.remove('location');
  answer(ctx, view.show(requireContext(), 'oidc-left', { to }));
}

function requireContext() {
  const context = atHand.getStore()?.context;
  if (context === undefined) throw new Error('the provider was called past its routes');
  return context;
}

function answer(ctx: Context, { status, headers, body }: HttpAnswer): void {
  ctx.status = status;
  for (const [name, value] of Object.entries(headers)) ctx.set(name, value);
  ctx.body = body;
}
