import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { HELLO_ANSWER } from '../backends.ts';

/**
 * `hold-client.ts PORT HELLO_FILE CONNECTIONS SECONDS`: opens so many connections, each sends the hello and gets the answer; then
 * prints a line, leaves them idle for the time, and looks which are still open. Prints {"held", "errors"}.
 */
const [port = '', helloFile = '', connections = '', seconds = ''] = process.argv.slice(2);
const hello = readFileSync(helloFile);
const AT_ONCE = 64;

const errors: string[] = [];
const held: Socket[] = [];
let left = Number(connections);

await Promise.all(Array.from({ length: AT_ONCE }, openUntilAll));
process.stdout.write('all open\n');
await delay(Number(seconds) * 1000);
const open = held.filter(({ readyState }) => readyState === 'open');
process.stdout.write(`${JSON.stringify({ held: open.length, errors: [...new Set(errors)] })}\n`, () => process.exit());

async function openUntilAll(): Promise<void> {
  while (left > 0 && errors.length === 0) {
    left -= 1;
    const socket = connect({ host: '127.0.0.1', port: Number(port) });
    socket.on('error', ({ message }) => errors.push(message));
    socket.write(hello);
    const [answer] = (await Promise.race([once(socket, 'data'), once(socket, 'close')])) as [Buffer | boolean];
    if (answer instanceof Buffer && answer.toString('latin1') === HELLO_ANSWER) held.push(socket);
    else errors.push('no whole answer to a hello');
  }
}
