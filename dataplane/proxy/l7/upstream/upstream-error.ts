import type { Reason } from '../../reasons.ts';

/**
 * Why a backend gave no (whole) response. `phase` says whether the request can have reached it:
 * `connect`: certainly not; `idle`: the reused connection was closed before a byte of the response came; `response`: it may have.
 */
export class UpstreamError extends Error {
  readonly reason: Reason;
  readonly phase: 'connect' | 'idle' | 'response';

  constructor(reason: Reason, phase: 'connect' | 'idle' | 'response', message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'UpstreamError';
    this.reason = reason;
    this.phase = phase;
  }
}
