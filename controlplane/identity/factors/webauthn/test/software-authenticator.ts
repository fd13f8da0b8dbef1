import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import type {
  PublicKeyCredentialCreationOptionsJSON,
  PublicKeyCredentialRequestOptionsJSON,
} from '@simplewebauthn/server';
import { encodeCbor, type CborValue } from './cbor.ts';

/** A passkey provider and its browser in software, honest by default; each lie is asked for. */
export interface Lies {
  readonly origin?: string;
  readonly crossOrigin?: unknown;
  readonly topOrigin?: string;
  readonly type?: string;
  readonly challenge?: string;
  readonly rpId?: string;
  readonly userPresent?: boolean;
  readonly userVerified?: boolean;
  readonly counter?: number;
  readonly userHandle?: string | null;
  /** The algorithm that the public key claims to be for. */
  readonly alg?: number;
  readonly signature?: (honest: Buffer) => Uint8Array;
}

export type KeyKind = 'EdDSA' | 'ES256' | 'RS256';

export interface SoftwareAuthenticator {
  readonly credentialId: string;
  create(options: PublicKeyCredentialCreationOptionsJSON, lies?: Lies): unknown;
  get(options: PublicKeyCredentialRequestOptionsJSON, lies?: Lies): unknown;
}

/** `counts` false: an authenticator without a signature counter, as synced passkeys are. */
export function createSoftwareAuthenticator(
  origin: string,
  kind: KeyKind = 'ES256',
  counts = true,
): SoftwareAuthenticator {
  const keys = generateKeys(kind);
  const id = randomBytes(32);
  let userHandle = '';
  let counter = 0;

  const nextCounter = (lies: Lies): number => {
    if (counts) counter++;
    return lies.counter ?? counter;
  };
  const clientData = (type: string, challenge: string, lies: Lies): Buffer =>
    Buffer.from(
      JSON.stringify({
        type: lies.type ?? type,
        challenge: lies.challenge ?? challenge,
        origin: lies.origin ?? origin,
        crossOrigin: 'crossOrigin' in lies ? lies.crossOrigin : false,
        ...(lies.topOrigin === undefined ? {} : { topOrigin: lies.topOrigin }),
      }),
    );
  const answer = (response: Record<string, unknown>): unknown => ({
    id: id.toString('base64url'),
    rawId: id.toString('base64url'),
    type: 'public-key',
    clientExtensionResults: {},
    authenticatorAttachment: 'platform',
    response,
  });

  return {
    credentialId: id.toString('base64url'),

    create(options, lies = {}) {
      userHandle = options.user.id;
      const coseKey = encodeCbor(coseKeyOf(kind, keys.publicKey, lies.alg));
      const idLength = Buffer.of(id.length >> 8, id.length & 255);
      const authData = Buffer.concat([
        authenticatorData(lies.rpId ?? options.rp.id ?? '', lies, nextCounter(lies), true),
        Buffer.alloc(16),
        idLength,
        id,
        coseKey,
      ]);
      const attestation = new Map<string, CborValue>([
        ['fmt', 'none'],
        ['attStmt', new Map()],
        ['authData', authData],
      ]);
      return answer({
        clientDataJSON: clientData('webauthn.create', options.challenge, lies).toString('base64url'),
        attestationObject: encodeCbor(attestation).toString('base64url'),
        transports: ['internal'],
      });
    },

    get(options, lies = {}) {
      const authData = authenticatorData(lies.rpId ?? options.rpId ?? '', lies, nextCounter(lies), false);
      const data = clientData('webauthn.get', options.challenge, lies);
      const signed = Buffer.concat([authData, createHash('sha256').update(data).digest()]);
      const honest = sign(kind === 'EdDSA' ? null : 'sha256', signed, keys.privateKey);
      const handle = lies.userHandle === undefined ? userHandle : lies.userHandle;
      return answer({
        clientDataJSON: data.toString('base64url'),
        authenticatorData: authData.toString('base64url'),
        signature: Buffer.from(lies.signature?.(honest) ?? honest).toString('base64url'),
        ...(handle === null ? {} : { userHandle: handle }),
      });
    },
  };
}

function authenticatorData(rpId: string, lies: Lies, counter: number, attested: boolean): Buffer {
  const flags = ((lies.userPresent ?? true) ? 1 : 0) | ((lies.userVerified ?? true) ? 4 : 0) | (attested ? 64 : 0);
  const count = Buffer.alloc(4);
  count.writeUInt32BE(counter);
  return Buffer.concat([createHash('sha256').update(rpId).digest(), Buffer.of(flags), count]);
}

function generateKeys(kind: KeyKind): { publicKey: KeyObject; privateKey: KeyObject } {
  switch (kind) {
    case 'EdDSA':
      return generateKeyPairSync('ed25519');
    case 'ES256':
      return generateKeyPairSync('ec', { namedCurve: 'P-256' });
    case 'RS256':
      return generateKeyPairSync('rsa', { modulusLength: 2048 });
    default:
      return kind satisfies never;
  }
}

/** COSE_Key of RFC 9053: labels 1 kty, 3 alg, negative ones by type. */
function coseKeyOf(kind: KeyKind, publicKey: KeyObject, alg?: number): Map<number, CborValue> {
  const jwk = publicKey.export({ format: 'jwk' });
  const bytes = (text: string | undefined): Buffer => Buffer.from(text ?? '', 'base64url');
  switch (kind) {
    case 'EdDSA':
      return new Map<number, CborValue>([
        [1, 1],
        [3, alg ?? -8],
        [-1, 6],
        [-2, bytes(jwk.x)],
      ]);
    case 'ES256':
      return new Map<number, CborValue>([
        [1, 2],
        [3, alg ?? -7],
        [-1, 1],
        [-2, bytes(jwk.x)],
        [-3, bytes(jwk.y)],
      ]);
    case 'RS256':
      return new Map<number, CborValue>([
        [1, 3],
        [3, alg ?? -257],
        [-1, bytes(jwk.n)],
        [-2, bytes(jwk.e)],
      ]);
    default:
      return kind satisfies never;
  }
}
