import { argon2, randomBytes } from 'node:crypto';
import { secretsEqual } from '../../../mcdsl/secrets/index.ts';
import { type Argon2Params, formatPhc, type Phc } from './phc.ts';

const saltBytes = 16;
const hashBytes = 32;

/**
 * Argon2id of a password under a new salt, as a PHC string. Runs on the libuv pool, one of its threads for the whole time: call it
 * through the gate. Cost at 64 MiB, 3 passes, 4 lanes: about 0.2 s of CPU and the memory.
 */
export async function hashPassword(password: string, params: Argon2Params): Promise<string> {
  const salt = randomBytes(saltBytes);
  return formatPhc({ params, salt, hash: await derive(password, params, salt, hashBytes) });
}

/** Whether the hash is that of the password. Costs one hash with the parameters of the stored one. */
export async function verifyPassword(password: string, { params, salt, hash }: Phc): Promise<boolean> {
  return secretsEqual(await derive(password, params, salt, hash.length), hash);
}

function derive(password: string, params: Argon2Params, salt: Uint8Array, tagLength: number): Promise<Buffer> {
  const { memoryKib: memory, passes, parallelism } = params;
  const message = Buffer.from(password, 'utf8');
  return new Promise((resolve, reject) => {
    argon2('argon2id', { message, nonce: salt, parallelism, tagLength, memory, passes }, (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });
}
