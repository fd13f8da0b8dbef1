import { z } from 'zod';

import { parseDuration } from '../../../../mcdsl/config/index.ts';
import { canonicalAddress } from '../../../../mcdsl/http/index.ts';
import { isIP } from 'node:net';
import { refusal } from '../../errors.ts';
import { parseContext, type PolicyContext } from '../../policy/index.ts';
import { maxPageLimit, type PageRequest } from '../../store/index.ts';

/** Fields that several operations have. Each is bounded before a room looks at it. */
const defaultLimit = 100;

export const text = (max: number) => z.string().max(max);
/** As long as a password can be and longer, so that the room can say what is wrong with it. */
export const passwordField = () => text(4096);
export const codeField = () => text(256);
export const ticketField = () => text(256);
export const accountField = () => text(64);
export const idField = () => text(64);
export const revisionField = () => whole(0, Number.MAX_SAFE_INTEGER);
/** A WebAuthn response; the room for passkeys judges it. */
export const passkeyResponse = () => z.record(z.string(), z.unknown());

/** `service_name` is left out by mistake often enough to deserve a reason of its own, so the schema lets it be absent. */
export const contextFields = { service_name: z.string().optional(), tags: z.array(z.string()).optional() };

export const pageFields = { limit: whole(1, maxPageLimit).optional(), cursor: text(256).optional() };

/** A number, or its digits, as a query has it. */
export function whole(min: number, max: number) {
  const message = `must be a whole number from ${min} to ${max}`;
  return z
    .union(
      [
        z.int(),
        z
          .string()
          .regex(/^[0-9]{1,16}$/, message)
          .transform(Number),
      ],
      { error: message },
    )
    .refine((number) => number >= min && number <= max, message);
}

export function timeField() {
  return z.iso
    .datetime({ offset: true, error: 'must be an RFC 3339 time such as "2027-01-31T00:00:00Z"' })
    .transform((value) => Date.parse(value));
}

/** Milliseconds. */
export function durationField() {
  return text(32).transform((value, context) => {
    const parsed = parseDuration(value);
    if (parsed.ok) return parsed.value;
    context.addIssue({ code: 'custom', message: 'must be a duration such as "720h"' });
    return z.NEVER;
  });
}

export function pageOf({
  limit = defaultLimit,
  cursor,
}: {
  limit?: number | undefined;
  cursor?: string | undefined;
}): PageRequest {
  return { limit, cursor: cursor === undefined || cursor === '' ? null : cursor };
}

/** @throws invalid_argument naming the field */
export function contextOf(input: {
  service_name?: string | undefined;
  tags?: readonly string[] | undefined;
}): PolicyContext {
  const { service_name: serviceName, tags = [] } = input;
  const parsed = parseContext(serviceName, tags);
  if (parsed.ok) return parsed.context;
  const isMissing = parsed.field === 'service_name' && (serviceName === undefined || serviceName === '');
  throw refusal('invalid_argument', isMissing ? 'missing_service_name' : 'bad_value', {
    message: parsed.message,
    details: { field: parsed.field },
  });
}

/** @throws invalid_argument */
export function addressOf(text: string): string {
  const address = canonicalAddress(text);
  if (isIP(address) !== 0) return address;
  throw refusal('invalid_argument', 'bad_value', {
    message: 'client_ip is no address',
    details: { field: 'client_ip' },
  });
}
