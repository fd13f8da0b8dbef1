import { z } from 'zod';

import { duration, filePathOrNone, textField } from '../config/index.ts';
import type { Frozen, TextParse } from '../config/index.ts';
import { isPrivateHost } from '../http/index.ts';

const serviceName = /^[a-z][a-z0-9.-]{0,62}$/;
const tag = /^[a-z0-9][a-z0-9._:/-]{0,63}$/;

/** `[mcias]` of every service but mcias. @param service the default of `service_name` */
export function mciasSection(service: string) {
  return z.strictObject({
    server_url: textField(parseServerUrl, {
      expected: 'the https address of mcias, such as "https://mcias.example.net:8443"',
      standIn: 'https://stand-in.invalid',
    }).describe('Where mcias answers; may be an address with server_name.'),
    ca_cert: filePathOrNone()
      .prefault('')
      .describe("PEM file of the CA that issued mcias's certificate; empty: the system's."),
    server_name: z
      .string()
      .regex(/^[a-z0-9.-]*$/)
      .default('')
      .describe('The name that the certificate must have, when it is not the one in server_url.'),
    service_name: z
      .string()
      .regex(serviceName)
      .default(service)
      .describe('What the login policy knows this service by.'),
    tags: z
      .array(z.string().regex(tag))
      .max(16)
      .default([])
      .describe('More of that context, such as "env:restricted".'),
    token_file: filePathOrNone().prefault('').describe("The service's own system token; empty: none."),
    cache_ttl: duration({ maxMs: 30_000 }).prefault('30s').describe('How long a validated token is believed.'),
    cache_entries: z.int().min(1).max(1_000_000).default(10_000).describe('How many tokens are remembered.'),
    timeout: duration({ minMs: 100, maxMs: 60_000 }).prefault('5s').describe('How long a call to mcias may take.'),
  });
}

/** A `[mcias]` as it was read. */
export type MciasConfig = Frozen<z.output<ReturnType<typeof mciasSection>>>;

/** Plain HTTP is for a mcias on this machine or its container network only. */
function parseServerUrl(text: string): TextParse<string> {
  const url = URL.parse(text);
  if (url === null) return { ok: false, reason: `${JSON.stringify(text)} is not a URL` };
  const isPlain = url.protocol === 'http:' && isPrivateHost(url.hostname.replace(/^\[|\]$/g, ''));
  if (url.protocol !== 'https:' && !isPlain)
    return { ok: false, reason: `${JSON.stringify(text)} is not an https address` };
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '' || url.username !== '') {
    return { ok: false, reason: `${JSON.stringify(text)} has more than scheme, host and port` };
  }
  return { ok: true, value: url.origin };
}
