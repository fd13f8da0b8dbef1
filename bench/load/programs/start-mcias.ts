import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { messageOf } from '../../../mcdsl/errors/index.ts';
import { mcias } from '../mcias.ts';

/** `start-mcias.ts CONFIG SECONDS`: starts mcias, waits until it is ready, ends it; over and over. Prints {"ms", "errors"}. */
const [config = '', seconds = ''] = process.argv.slice(2);
const deadline = performance.now() + Number(seconds) * 1000;
const ms: number[] = [];
const errors: string[] = [];

async function start(): Promise<number> {
  const [command, ...args] = mcias.run(config);
  const startMs = performance.now();
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  const closed = once(child, 'close');
  const lines = createInterface({ input: child.stdout });
  let readyMs: number | null = null;
  lines.on('line', (line) => {
    if (!line.includes('"msg":"ready"')) return;
    readyMs = performance.now() - startMs;
    child.kill('SIGTERM');
  });
  await closed;
  if (readyMs === null) throw new Error('mcias ended before it was ready');
  return readyMs;
}

try {
  do ms.push(await start());
  while (performance.now() < deadline);
} catch (error) {
  errors.push(messageOf(error));
}
process.stdout.write(`${JSON.stringify({ ms, errors })}\n`);
