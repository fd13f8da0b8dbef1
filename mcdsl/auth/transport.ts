import type { z } from 'zod';

import type { SystemError } from '../errors/index.ts';
import type { ErrorDetails } from '../errors/index.ts';
import { parseStrictJson } from '../http/index.ts';
import type { Logger } from '../logging/index.ts';
import type { MciasConfig } from './config.ts';
import { authErrors } from './errors.ts';
import { failureOf, namesShownBy } from './failure.ts';
import type { Failure } from './failure.ts';
import { createPoster } from './post.ts';

export type Call<T> = {
  readonly path: string;
  readonly body: unknown;
  readonly answer: z.ZodType<T>;
  /** Sent as bearer; null: none. */
  readonly token?: string | null;
  /** Sending it twice does what sending it once does. */
  readonly safe?: boolean;
};

/** Requests to mcias over kept connections. */
export type Transport = Disposable & {
  /** @throws SystemError: what mcias refused with, by its own code, or auth_unavailable when it did not answer as mcias does */
  post<T>(call: Call<T>): Promise<T>;
};

/** Between two lines about the same trouble. */
const quietMs = 30_000;

/** @throws Error when `ca_cert` cannot be read */
export function createTransport(config: MciasConfig, logger: Logger): Transport {
  const { server_url: origin, server_name: serverName } = config;
  const poster = createPoster(config);
  const tell = createTeller(logger, origin, serverName);
  const unavailable = (failure: Failure, cause: unknown): SystemError => {
    tell.failed(failure);
    return authErrors.error('auth_unavailable', undefined, { reason: failure.kind }, { cause, retryAfterSeconds: 5 });
  };

  return {
    async post({ path, body, answer, token = null, safe = false }) {
      let status: number;
      let bytes: Uint8Array;
      try {
        const bearer = token === null ? {} : { authorization: `Bearer ${token}` };
        const headers = { 'content-type': 'application/json', ...bearer };
        ({ status, bytes } = await poster.post(path, JSON.stringify(body), headers, safe));
      } catch (error) {
        throw unavailable(failureOf(error), error);
      }
      const value = status === 204 ? null : parsed(bytes);
      if (status >= 400 && status < 500) {
        const refusal = refusalOf(value);
        if (refusal !== null) throw refusal;
      }
      const checked = status < 300 ? answer.safeParse(value) : null;
      if (checked?.success !== true) {
        const message = `${origin}${path} answered ${status} and not what mcias does`;
        throw unavailable({ kind: 'answer', message, certificateNames: null }, undefined);
      }
      tell.succeeded();
      return checked.data;
    },
    [Symbol.dispose]: () => poster[Symbol.dispose](),
  };
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return parseStrictJson(bytes);
  } catch {
    // Some other server's page: told by its status, and by not being what the schema wants.
    return undefined;
  }
}

/** A refusal in mcias's form with a code that we know; null for anything else. */
function refusalOf(value: unknown): SystemError | null {
  if (typeof value !== 'object' || value === null || !('error' in value)) return null;
  const { error } = value;
  if (typeof error !== 'object' || error === null || !('code' in error) || typeof error.code !== 'string') return null;
  const { code } = error;
  if (!isKnown(code)) return null;
  const message = 'message' in error && typeof error.message === 'string' ? error.message : undefined;
  const isObject = 'details' in error && typeof error.details === 'object' && error.details !== null;
  const details = isObject ? (error.details as ErrorDetails) : {};
  const retryAfter = details['retry_after'];
  return authErrors.error(
    code,
    message,
    details,
    typeof retryAfter === 'number' ? { retryAfterSeconds: retryAfter } : {},
  );
}

function isKnown(code: string): code is keyof typeof authErrors.rows {
  return Object.hasOwn(authErrors.rows, code);
}

/** One line when trouble begins or changes, then one each while; one when it is over. */
function createTeller(logger: Logger, origin: string, serverName: string) {
  let kind: string | null = null;
  let toldAt = 0;
  let silent = 0;
  const tell = async (failure: Failure, more: number): Promise<void> => {
    const names =
      failure.kind === 'tls' ? (failure.certificateNames ?? (await namesShownBy(origin, serverName))) : null;
    logger.error('mcias cannot be asked: tokens that are not remembered are answered with auth_unavailable', {
      server_url: origin,
      cause: failure.kind,
      reason: failure.message,
      ...(names === null ? {} : { certificate_names: names }),
      ...(more === 0 ? {} : { since_last_line: more }),
    });
  };
  return {
    failed(failure: Failure): void {
      const now = performance.now();
      if (kind === failure.kind && now - toldAt < quietMs) {
        silent++;
        return;
      }
      kind = failure.kind;
      toldAt = now;
      void tell(failure, silent);
      silent = 0;
    },
    succeeded(): void {
      if (kind === null) return;
      kind = null;
      silent = 0;
      logger.info('mcias answers again', { server_url: origin });
    },
  };
}
