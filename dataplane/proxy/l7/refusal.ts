import { REASONS, type Reason } from '../reasons.ts';

/** A request that the proxy answers itself: why, and what decided. */
export interface RequestRefusal {
  readonly reason: Reason;
  readonly rule: string;
  readonly detail: string;
}

export function refusal(reason: Reason, detail = '', rule = ''): RequestRefusal {
  return { reason, rule, detail };
}

/** The HTTP status that stands for a reason; reasons that end a connection before HTTP never get here. */
export function statusOf(reason: Reason): number {
  switch (reason) {
    case 'ua_blocked':
    case 'header_required':
      return 403;
    case 'misdirected':
      return 421;
    case 'request_invalid':
      return 400;
    case 'request_timeout':
      return 408;
    case 'limit_header_bytes':
    case 'limit_header_count':
      return 431;
    case 'limit_body':
      return 413;
    case 'backend_unreachable':
    case 'backend_tls':
    case 'backend_protocol':
      return 502;
    case 'backend_timeout':
      return 504;
    case 'limit_upstreams':
    case 'draining':
      return 503;
    default:
      return 500;
  }
}

/** The whole body of a refusal: the reason's code and text, and the id to ask the operator about. */
export function refusalBody(reason: Reason, requestId: string): Buffer {
  const text = statusOf(reason) === 500 ? '' : `: ${REASONS[reason]}`;
  return Buffer.from(`${reason}${text}\nrequest ${requestId}\n`);
}
