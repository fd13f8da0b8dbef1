import { createHmac, randomBytes } from 'node:crypto';

import { defineErrors } from '../errors/index.ts';
import { hostCookie } from '../http/index.ts';
import type { HttpContext } from '../http/index.ts';
import { newSecret, secretsEqual } from '../secrets/index.ts';

export const csrfErrors = defineErrors('csrf', {
  csrf_failed: {
    http: 403,
    grpc: 'PERMISSION_DENIED',
    retry: false,
    message: 'this form was not sent from a page of ours; go back, reload the page and try again',
  },
});

/** Why a form was refused, for log and metric. */
export type CsrfReason = 'csrf_missing' | 'csrf_mismatch' | 'csrf_origin';

type Facts = Pick<HttpContext, 'header' | 'cookie' | 'addCookie'>;

/**
 * Two guards for each form. The browser must say that the form came from a page of this origin, which no page of another can make
 * it say; and the form must carry a value that only a page shown to the same (pre-)session has.
 */
export type Csrf = {
  /** For a form shown to a session: an HMAC of what the session is known by and that outlives a renewal of its token. */
  token(session: string): string;
  /** @throws csrf_failed */
  check(facts: Facts, session: string, given: string | undefined): void;
  /** For a form shown before any login: sets the cookie that stands for the visitor where there is none. */
  preToken(facts: Facts): string;
  /** @throws csrf_failed */
  checkPre(facts: Facts, given: string | undefined): void;
};

export type CsrfOptions = {
  /** Part of the cookie's name: cookies ignore ports, and services may share a host. */
  readonly service: string;
  /** `https://host[:port]` as browsers see it. */
  readonly origin: string;
  /** Random; made at the start of the process where left out, so that forms of the one before are refused. */
  readonly key?: Buffer;
};

const preSeconds = 900;

export function createCsrf(options: CsrfOptions): Csrf {
  const { service, origin, key = randomBytes(32) } = options;
  const preCookie = `__Host-${service}-pre`;
  const mac = (kind: 'session' | 'pre', value: string): string =>
    createHmac('sha256', key).update(`csrf v1 ${kind}\0${value}`).digest('base64url');
  const compare = (expected: string, given: string | undefined): void => {
    if (given === undefined || given === '') throw refuse('csrf_missing');
    if (!secretsEqual(expected, given)) throw refuse('csrf_mismatch');
  };

  return {
    token: (session) => mac('session', session),
    check(facts, session, given) {
      checkOrigin(facts, origin);
      compare(mac('session', session), given);
    },
    preToken(facts) {
      const known = preSession(facts, preCookie);
      const value = known ?? newSecret();
      // Also where it is known: a visitor who looks at the form again has its time again.
      facts.addCookie(hostCookie(preCookie, value, preSeconds));
      return mac('pre', value);
    },
    checkPre(facts, given) {
      checkOrigin(facts, origin);
      const value = preSession(facts, preCookie);
      if (value === null) throw refuse('csrf_missing');
      compare(mac('pre', value), given);
    },
  };
}

/** Fetch Metadata where the browser sends it, else Origin (IA-75). @throws csrf_failed */
export function checkOrigin(facts: Pick<HttpContext, 'header'>, origin: string): void {
  const site = facts.header('sec-fetch-site');
  const isOurs = site === null ? facts.header('origin') === origin : site === 'same-origin';
  if (!isOurs) throw refuse('csrf_origin');
}

/** Whoever plants a cookie of theirs here gains nothing: the form's value is an HMAC that they cannot make. */
function preSession(facts: Pick<HttpContext, 'cookie'>, name: string): string | null {
  const value = facts.cookie(name);
  return value !== null && /^[A-Za-z0-9_-]{43}$/.test(value) ? value : null;
}

function refuse(reason: CsrfReason) {
  return csrfErrors.error('csrf_failed', undefined, { reason });
}
