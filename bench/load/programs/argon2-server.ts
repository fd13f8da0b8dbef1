import { argon2, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { promisify } from 'node:util';

/** `argon2-server.ts FILE`: one Argon2id hash a request over TLS, so many at once, and nothing else: what a login cannot go below. */
const { port, cert, key, atOnce } = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as {
  port: number;
  cert: string;
  key: string;
  atOnce: number;
};
const derive = promisify(argon2);
const waiting: (() => void)[] = [];
let running = 0;

async function hash(): Promise<void> {
  if (running >= atOnce) await new Promise<void>((resolve) => waiting.push(resolve));
  running++;
  try {
    const settings = { parallelism: 4, tagLength: 32, memory: 65_536, passes: 3 };
    await derive('argon2id', { message: 'a password', nonce: randomBytes(16), ...settings });
  } finally {
    running--;
    waiting.shift()?.();
  }
}

createServer({ cert: readFileSync(cert), key: readFileSync(key), minVersion: 'TLSv1.3' }, (request, response) => {
  request.resume();
  hash().then(
    () => response.end('hashed'),
    () => response.writeHead(500).end(),
  );
}).listen(port, '127.0.0.1');
