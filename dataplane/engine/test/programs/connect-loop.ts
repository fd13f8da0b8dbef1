import { readFileSync } from 'node:fs';
import { request } from 'node:https';

/** Opens one connection after the other, with a request on each, until it is told to stop; then says what failed. */
const ca = readFileSync(process.argv[2] ?? '');
const failures: string[] = [];
let connections = 0;
const stopping = new AbortController();
process.on('SIGTERM', () => stopping.abort());

function once(servername: string): Promise<void> {
  return new Promise((resolve) => {
    const options = { host: '127.0.0.1', port: 8443, servername, ca, headers: { host: servername }, agent: false };
    const outgoing = request(options, (response) => {
      if (response.statusCode !== 200) failures.push(`${servername}: status ${response.statusCode}`);
      response.resume();
      response.on('close', resolve);
    });
    outgoing.on('error', (error) => {
      failures.push(`${servername}: ${error.message}`);
      resolve();
    });
    outgoing.end();
  });
}

async function loop(servername: string): Promise<void> {
  while (!stopping.signal.aborted) {
    await once(servername);
    connections++;
  }
}

process.stdout.write('ready\n');
await Promise.all(['l7.example.test', 'l4.example.test', 'l7.example.test', 'l4.example.test'].map(loop));
process.stdout.write(`${JSON.stringify({ connections, failures })}\n`);
