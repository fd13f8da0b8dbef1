import { createHmac, generateKeyPairSync, sign } from 'node:crypto';

import { tokenSeries } from '../keys/index.ts';
import type { Rooms } from '../rooms.ts';
import type { MciasFolder } from './running-mcias.ts';

type Json = Readonly<Record<string, unknown>>;

/** Tokens that mcias did not issue: signed by its own key, by an attacker's, or not at all. */
export type Forger = {
  readonly kid: string;
  /** Signed by the server's key. */
  byServer(header: Json, claims: Json): Promise<string>;
  byStranger(header: Json, claims: Json): string;
  /** HMAC with the bytes of the public key: the attack on verifiers that take `alg` from the token. */
  byPublicKey(header: Json, claims: Json): string;
  unsigned(header: Json, claims: Json): string;
  /** Claims that would be right. */
  readonly claims: Json;
};

export async function createForger(folder: MciasFolder): Promise<Forger> {
  const stranger = generateKeyPairSync('ed25519');
  const { kid, jwk } = await folder.rooms(async ({ keyring, store }) => {
    await keyring.maintain(Date.now(), () => undefined);
    return { kid: keyring.signer(store.reader, tokenSeries).kid, jwk: keyring.jwks('mcias').keys[0] };
  });
  const seconds = Math.floor(Date.now() / 1000);
  const claims = {
    iss: 'https://mcias.example.test',
    sub: '00000000-0000-4000-8000-000000000000',
    aud: ['mcias'],
    exp: seconds + 600,
    iat: seconds,
    nbf: seconds,
    jti: 'j'.repeat(43),
    name: 'ann',
    type: 'human',
    roles: ['admin'],
    amr: ['pwd'],
    auth_time: seconds,
  };
  const serverSign = (bytes: Buffer) => (open: Rooms) =>
    open.keyring.signer(open.store.reader, tokenSeries).sign(bytes);
  return {
    kid,
    claims,
    async byServer(header, body) {
      const head = joined(header, body);
      return `${head}.${(await folder.rooms(serverSign(Buffer.from(head)))).toString('base64url')}`;
    },
    byStranger(header, body) {
      const head = joined({ ...header, jwk: stranger.publicKey.export({ format: 'jwk' }) }, body);
      return `${head}.${sign(null, Buffer.from(head), stranger.privateKey).toString('base64url')}`;
    },
    byPublicKey(header, body) {
      const head = joined(header, body);
      const secret = Buffer.from(jwk?.['x'] ?? '', 'base64url');
      return `${head}.${createHmac('sha256', secret).update(head).digest('base64url')}`;
    },
    unsigned: (header, body) => `${joined(header, body)}.`,
  };
}

function joined(header: Json, body: Json): string {
  return [header, body].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
}
