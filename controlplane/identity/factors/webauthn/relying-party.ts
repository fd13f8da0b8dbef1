import type { Store } from '../../store/index.ts';
import { identityErrors } from '../../errors.ts';
import { readMeta, writeMeta } from '../../store/index.ts';

/** Who we are to authenticators and browsers. */
export interface RelyingParty {
  /** The domain that passkeys are bound to, such as `mcias.example.net`. */
  readonly rpId: string;
  /** Shown beside the account when a passkey is made. */
  readonly name: string;
  /** Where pages that use passkeys may be served from, exactly. */
  readonly origins: readonly string[];
}

/** COSE algorithms of passkeys, the preferred first: EdDSA, ES256, RS256. Set explicitly: the library's default grows. */
export const passkeyAlgorithms: readonly number[] = [-8, -7, -257];

/** The flag of `mcias server` by which the operator gives the passkeys up. */
export const acceptRpIdChange = 'accept-rp-id-change';

/**
 * Remembers at start which domain passkeys are bound to. A passkey works for its domain alone, so another one would lose them all
 * without a word.
 * @param accept take the new domain and remove the passkeys, which are useless then
 * @returns how many were removed
 * @throws failed_precondition when the domain changed while there are passkeys
 */
export function settleRpId(store: Store, rpId: string, accept: boolean, now: number): number {
  return store.change((writer) => {
    const before = readMeta(writer, 'rp_id');
    if (before === rpId) return 0;
    const count = writer.get<{ n: number }>('SELECT count(*) AS n FROM passkeys')?.n ?? 0;
    if (before !== null && count > 0 && !accept) {
      throw identityErrors.error(
        'failed_precondition',
        `webauthn.rp_id is ${JSON.stringify(rpId)} and was ${JSON.stringify(before)}: the ${count} passkeys that are registered ` +
          `would never work again. Set it back, or start once with \`mcias server --${acceptRpIdChange}\` to lose them`,
        { before, after: rpId, passkeys: count },
      );
    }
    writeMeta(writer, 'rp_id', rpId, now);
    return before === null ? 0 : writer.run('DELETE FROM passkeys').changes;
  });
}
