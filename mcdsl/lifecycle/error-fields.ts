import { SystemError } from '../errors/index.ts';
import type { LogFields } from '../logging/index.ts';

/** An operator's mistake is told by its words; only what nobody foresaw needs a stack trace. */
export function errorFields(error: unknown): LogFields {
  if (!(error instanceof SystemError)) return { err: error };
  return { code: error.code, reason: error.message, details: error.details };
}
