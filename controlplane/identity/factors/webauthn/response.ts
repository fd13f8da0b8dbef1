import { createHash } from 'node:crypto';
import type { AuthenticationResponseJSON, RegistrationResponseJSON } from '@simplewebauthn/server';
import { z } from 'zod';
import { secretsEqual } from '../../../../mcdsl/secrets/index.ts';
import { refusal } from '../../errors.ts';
import type { RelyingParty } from './relying-party.ts';

/**
 * What a browser sends back, judged before the library sees it: the library accepts `crossOrigin` where `topOrigin` is absent, does
 * not look at it in registrations, and tells its reasons in prose alone.
 */

const base64url = (maxLength: number) =>
  z
    .string()
    .max(maxLength)
    .regex(/^[A-Za-z0-9_-]+$/);
/** WebAuthn §6.5.1: at most 1023 bytes. */
const credentialId = base64url(1364);
const clientDataJson = base64url(8_192);
const common = { id: credentialId, rawId: credentialId, type: z.literal('public-key') };
const unused = z.record(z.string(), z.unknown()).default({});

const authentication = z.object({
  ...common,
  clientExtensionResults: unused,
  response: z.object({
    clientDataJSON: clientDataJson,
    authenticatorData: base64url(8_192),
    signature: base64url(4_096),
    userHandle: base64url(88).nullish(),
  }),
});

const registration = z.object({
  ...common,
  clientExtensionResults: unused,
  response: z.object({
    clientDataJSON: clientDataJson,
    attestationObject: base64url(65_536),
    transports: z.array(z.string().max(32)).max(8).default([]),
  }),
});

const clientDataShape = z.object({
  type: z.string(),
  challenge: z.string(),
  origin: z.string(),
  crossOrigin: z.unknown().optional(),
  topOrigin: z.unknown().optional(),
});

/** What the browser says that it signed for (WebAuthn §5.8.1). */
export type ClientData = z.output<typeof clientDataShape>;

/** @throws invalid_argument, reason bad_json */
export function parseAuthentication(input: unknown): { json: AuthenticationResponseJSON; clientData: ClientData } {
  const parsed = authentication.safeParse(input);
  if (!parsed.success || parsed.data.id !== parsed.data.rawId) throw malformed();
  const { userHandle, ...response } = parsed.data.response;
  const json = {
    ...parsed.data,
    response: { ...response, ...(userHandle === null || userHandle === undefined ? {} : { userHandle }) },
  };
  return { json, clientData: readClientData(response.clientDataJSON) };
}

/** @throws invalid_argument, reason bad_json */
export function parseRegistration(input: unknown): {
  json: RegistrationResponseJSON;
  transports: readonly string[];
  clientData: ClientData;
} {
  const parsed = registration.safeParse(input);
  if (!parsed.success || parsed.data.id !== parsed.data.rawId) throw malformed();
  const { transports, ...response } = parsed.data.response;
  return { json: { ...parsed.data, response }, transports, clientData: readClientData(response.clientDataJSON) };
}

/** @throws invalid_credentials, reason origin_mismatch, or bad_signature for a response of the other ceremony */
export function checkClientData(
  clientData: ClientData,
  type: 'webauthn.get' | 'webauthn.create',
  { origins }: RelyingParty,
): void {
  if (clientData.type !== type) throw refusal('invalid_credentials', 'bad_signature');
  const isFramed = clientData.topOrigin !== undefined || (clientData.crossOrigin ?? false) !== false;
  if (isFramed || !origins.includes(clientData.origin)) throw refusal('invalid_credentials', 'origin_mismatch');
}

/**
 * The fixed head of authenticator data (WebAuthn §6.1): whose domain it is for, and whether somebody was there and was verified.
 * @throws invalid_credentials, reasons rp_mismatch and uv_missing, bad_signature when it is too short
 */
export function checkAuthenticatorData(bytes: Uint8Array, { rpId }: RelyingParty): void {
  if (bytes.length < 37) throw refusal('invalid_credentials', 'bad_signature');
  const rpIdHash = createHash('sha256').update(rpId, 'utf8').digest();
  if (!secretsEqual(bytes.subarray(0, 32), rpIdHash)) throw refusal('invalid_credentials', 'rp_mismatch');
  const flags = bytes[32] ?? 0;
  const presentAndVerified = 0b101;
  if ((flags & presentAndVerified) !== presentAndVerified) throw refusal('invalid_credentials', 'uv_missing');
}

export function hashOfCredentialId(id: string): Buffer {
  return createHash('sha256').update(Buffer.from(id, 'base64url')).digest();
}

function readClientData(text: string): ClientData {
  try {
    const json = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(text, 'base64url'));
    return clientDataShape.parse(JSON.parse(json));
  } catch {
    throw malformed();
  }
}

function malformed(): Error {
  return refusal('invalid_argument', 'bad_json', { message: 'this is no WebAuthn response' });
}
