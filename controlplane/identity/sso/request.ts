import type { SsoClient } from '../config/index.ts';
import type { Reason } from '../reasons.ts';
import { builtInClient, findSsoClient } from './clients.ts';

/** A sign-on that a service has asked for, checked. */
export type SignOn = {
  readonly client: SsoClient;
  readonly state: string;
  readonly challenge: string;
  /** A new proof is wanted, whoever is logged in. */
  readonly prompt: 'login' | null;
};

export type SignOnParse =
  | { readonly kind: 'sign_on'; readonly signOn: SignOn }
  /** Told to the service, at its registered address. */
  | { readonly kind: 'answer'; readonly to: string; readonly reason: Reason }
  /** Told to the person: nobody knows whose address it is. */
  | { readonly kind: 'page'; readonly reason: Reason };

type Query = Readonly<Record<string, string | readonly string[] | undefined>>;

const challengePattern = /^[A-Za-z0-9_-]{43}$/;
const statePattern = /^[\x21-\x7e]{1,512}$/;

/**
 * Judges the parameters of /sso/authorize. A parameter that is given twice counts as missing.
 * @param issuer RFC 9207: sent with every answer, so that a service knows who speaks
 */
export function parseSignOn(clients: readonly SsoClient[], issuer: string, query: Query): SignOnParse {
  const text = (name: string): string => {
    const value = query[name];
    return typeof value === 'string' ? value : '';
  };
  const client = findSsoClient(clients, text('client_id'), text('redirect_uri'));
  if (client === null) return { kind: 'page', reason: 'redirect_mismatch' };
  const state = text('state');
  const refuse = (error: string, why: string, reason: Reason): SignOnParse => ({
    kind: 'answer',
    reason,
    to: answerUrl(client.redirectUri, { error, error_description: why, state, iss: issuer }),
  });
  if (!statePattern.test(state)) return refuse('invalid_request', 'state_missing', 'state_missing');
  if ((query['response_type'] ?? 'code') !== 'code') {
    return refuse('unsupported_response_type', 'response_type', 'response_type');
  }
  const challenge = text('code_challenge');
  if (text('code_challenge_method') !== 'S256' || !challengePattern.test(challenge)) {
    return refuse('invalid_request', 'pkce_required', 'pkce_required');
  }
  const asked = query['prompt'] ?? null;
  if (asked !== null && asked !== 'login') return refuse('invalid_request', 'prompt', 'bad_value');
  // Any program on the person's machine may listen on a port of the loopback: none gets a token without the person's doing (RFC 8252
  // section 8.6).
  const prompt = client.clientId === builtInClient ? 'login' : asked;
  return { kind: 'sign_on', signOn: { client, state, challenge, prompt } };
}

/** Empty parameters are left out. */
export function answerUrl(redirectUri: string, parameters: Readonly<Record<string, string>>): string {
  const url = new URL(redirectUri);
  for (const [name, value] of Object.entries(parameters)) if (value !== '') url.searchParams.append(name, value);
  return url.href;
}
