import { databaseErrors } from '../../../mcdsl/database/index.ts';
import { proxyErrors } from '../errors.ts';

/** Runs database work; what the database refuses comes out as an error of this system's table, under the same code. */
export function toProxyError<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!databaseErrors.is(error)) throw error;
    throw proxyErrors.error(error.code, error.message, error.details, { cause: error });
  }
}
