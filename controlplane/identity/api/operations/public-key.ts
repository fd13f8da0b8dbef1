import type { ErrorDetails } from '../../../../mcdsl/errors/index.ts';

/** Options for a browser's WebAuthn, as plain JSON. */
export function publicKeyJson(options: object): ErrorDetails {
  return JSON.parse(JSON.stringify(options)) as ErrorDetails;
}
