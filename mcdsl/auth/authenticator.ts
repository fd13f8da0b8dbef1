import { hash } from 'node:crypto';

import type { SystemError } from '../errors/index.ts';
import type { FamilySamples, MetricsRegistry } from '../metrics/index.ts';
import type { MciasClient } from './client.ts';
import type { MciasConfig } from './config.ts';
import { authErrors } from './errors.ts';
import type { Principal, Validation } from './principal.ts';
import { createTimedMap } from './timed-map.ts';

/** Answers who holds a token. */
export type Authenticator = {
  /**
   * From memory when mcias said so less than `cache_ttl` ago, else by asking; one question at a time for one token.
   * @throws SystemError invalid_token (401), policy_denied (403), auth_unavailable (503)
   */
  authenticate(token: string): Promise<Principal>;
  /** As above, from memory alone; null when mcias has to be asked. */
  remembered(token: string): Principal | null;
  /** After a logout or revoke of ours: the next use of the token asks mcias. */
  forget(token: string): void;
};

export type AuthenticatorDeps = {
  readonly client: Pick<MciasClient, 'validate'>;
  readonly config: Pick<MciasConfig, 'cache_ttl' | 'cache_entries'>;
  readonly registry: MetricsRegistry;
  /** ms since the epoch */
  readonly now?: () => number;
};

/** What mcias refused is remembered for less time: a token may become valid (a role, a rule), and garbage is cheap to make. */
const refusedMs = 5_000;
/** Different tokens that mcias is asked about at once; more are answered auth_unavailable. */
const maxQuestions = 1024;

/** At most 4096 bytes in three segments of base64url (IA-39): the rest is not worth a question. */
const tokenForm = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;
const maxTokenBytes = 4096;

export function createAuthenticator(deps: AuthenticatorDeps): Authenticator {
  const { client, config, registry, now = Date.now } = deps;
  // Apart, so that a flood of garbage pushes no valid token out.
  const valid = createTimedMap<Principal>(config.cache_entries);
  const refused = createTimedMap<SystemError>(config.cache_entries);
  const questions = new Map<string, Promise<Principal>>();
  // Counts what was forgotten: an answer that was on its way then may be older than the reason to forget.
  let forgotten = 0;
  const count = countsOf(registry, () => valid.size());

  const ask = async (key: string, token: string): Promise<Principal> => {
    const before = forgotten;
    const answer = await client.validate(token);
    const isCurrent = before === forgotten;
    if (answer.valid) {
      const { principal } = answer;
      const endsAtMs = Math.min(now() + config.cache_ttl, principal.expiresAtMs);
      if (isCurrent) valid.set(key, principal, endsAtMs);
      count('valid');
      return principal;
    }
    const error = refusalOf(answer);
    if (isCurrent) refused.set(key, error, now() + refusedMs);
    count(error.code === 'policy_denied' ? 'denied' : 'invalid');
    throw error;
  };

  return {
    remembered(token) {
      const principal = valid.get(hash('sha256', token, 'base64url'), now());
      if (principal !== null) count('hit');
      return principal;
    },
    async authenticate(token) {
      // Longer ones are not worth hashing.
      if (token.length > maxTokenBytes) {
        count('malformed');
        throw malformed();
      }
      const key = hash('sha256', token, 'base64url');
      const principal = valid.get(key, now());
      if (principal !== null) {
        count('hit');
        return principal;
      }
      if (!tokenForm.test(token)) {
        count('malformed');
        throw malformed();
      }
      const error = refused.get(key, now());
      if (error !== null) {
        count('hit');
        throw error;
      }
      const running = questions.get(key);
      if (running !== undefined) return running;
      if (questions.size >= maxQuestions) {
        count('unavailable');
        throw authErrors.error(
          'auth_unavailable',
          undefined,
          { reason: 'too_many_questions' },
          { retryAfterSeconds: 1 },
        );
      }
      const question = ask(key, token).finally(() => {
        if (questions.get(key) === question) questions.delete(key);
      });
      questions.set(key, question);
      question.catch((thrown: unknown) => {
        if (authErrors.is(thrown, 'auth_unavailable')) count('unavailable');
      });
      return question;
    },
    forget(token) {
      const key = hash('sha256', token, 'base64url');
      forgotten++;
      valid.delete(key);
      refused.delete(key);
      questions.delete(key);
    },
  };
}

/** Reasons of the login policy: the token is good, and this service is not for its holder. */
const policyReasons = new Set(['rule_deny', 'no_match', 'policy_denied']);

function refusalOf({ reason }: Extract<Validation, { valid: false }>): SystemError {
  return policyReasons.has(reason)
    ? authErrors.error('policy_denied', 'the login policy does not admit this account here', { reason })
    : authErrors.error('invalid_token', 'the token is not valid here; log in again', { reason });
}

function malformed(): SystemError {
  return authErrors.error('invalid_token', 'the token is no token of mcias', { reason: 'malformed' });
}

const results = ['hit', 'valid', 'invalid', 'denied', 'malformed', 'unavailable'] as const;
type Result = (typeof results)[number];

/** Counted in plain numbers that a scrape asks for: a hit costs about as much as a counter of the registry would. */
function countsOf(registry: MetricsRegistry, size: () => number): (result: Result) => void {
  const counts: Record<Result, number> = { hit: 0, valid: 0, invalid: 0, denied: 0, malformed: 0, unavailable: 0 };
  const validations = {
    kind: 'counter',
    name: `mc_${registry.system}_auth_validations_total`,
    help: 'Tokens looked at, by what came of it; hit: from memory.',
    labels: ['result'],
  } as const;
  const remembered = {
    kind: 'gauge',
    name: `mc_${registry.system}_auth_remembered_tokens`,
    help: 'Valid tokens in memory.',
    labels: [],
  } as const;
  registry.addSource({
    families: [validations, remembered],
    collect: async () =>
      new Map<string, FamilySamples>([
        [
          validations.name,
          { kind: 'counter', samples: results.map((result) => ({ labels: { result }, value: counts[result] })) },
        ],
        [remembered.name, { kind: 'gauge', samples: [{ labels: {}, value: size() }] }],
      ]),
  });
  return (result) => {
    counts[result]++;
  };
}
