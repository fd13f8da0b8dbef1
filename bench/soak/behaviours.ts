import { connect, type Socket } from 'node:net';

/** What one connection does; the first byte tells the reactor's handler what to decide. */
export interface Behaviour {
  readonly name: string;
  /** Of a hundred connections. */
  readonly share: number;
  /** Resolves when the connection is over; rejects with what went otherwise than it should. */
  run(port: number, random: () => number): Promise<void>;
}

export const VERBS = { relay: 'R', dead: 'D', reset: 'X', adopt: 'A', reply: 'P' } as const;
export const REPLY = 'bye';

const SMALL = 20_000;
const LARGE = 3_000_000;
const HOLD_MS = 2000;
const PATTERN = Buffer.alloc(LARGE, 'abcdefghijklmnopqrstuvwxyz0123456789');

/** Everything that clients are known to do, and some things that nobody should. */
export const BEHAVIOURS: readonly Behaviour[] = [
  { name: 'exchange', share: 35, run: (port, random) => exchange(port, VERBS.relay, Math.ceil(random() * SMALL), 0) },
  {
    name: 'large exchange',
    share: 3,
    run: (port, random) => exchange(port, VERBS.relay, Math.ceil(random() * LARGE), 0),
  },
  { name: 'slow reader', share: 5, run: (port, random) => exchange(port, VERBS.relay, LARGE, random() * HOLD_MS) },
  { name: 'adopted', share: 10, run: (port, random) => exchange(port, VERBS.adopt, Math.ceil(random() * SMALL), 0) },
  { name: 'held', share: 10, run: (port, random) => exchange(port, VERBS.relay, 100, random() * HOLD_MS) },
  { name: 'reset while relayed', share: 12, run: (port, random) => resetAfter(port, VERBS.relay, random() * HOLD_MS) },
  { name: 'reset at once', share: 5, run: (port) => resetAfter(port, VERBS.relay, 0) },
  { name: 'silent', share: 5, run: (port, random) => silent(port, random() * HOLD_MS) },
  { name: 'refused', share: 5, run: (port) => refused(port, VERBS.reset) },
  { name: 'no backend', share: 5, run: (port) => refused(port, VERBS.dead) },
  { name: 'replied', share: 5, run: replied },
];

/** Sends so many bytes and the end, and expects them back, and the end. `pauseMs`: reads nothing for so long. */
function exchange(port: number, verb: string, count: number, pauseMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    const sent = PATTERN.subarray(0, count);
    let received = 0;
    socket.on('data', (chunk: Buffer) => {
      // The verb comes back first.
      const expected = received === 0 ? Buffer.concat([Buffer.from(verb), sent.subarray(0, chunk.length - 1)]) : null;
      if (expected && !chunk.equals(expected)) reject(new Error('other bytes came back'));
      received += chunk.length;
    });
    socket.once('end', () => {
      if (received === count + 1) resolve();
      else reject(new Error(`${received} bytes came back of ${count + 1}`));
    });
    failsWith(socket, reject);
    socket.write(verb);
    socket.end(sent);
    if (pauseMs === 0) return;
    socket.pause();
    setTimeout(() => socket.resume(), pauseMs);
  });
}

function resetAfter(port: number, verb: string, holdMs: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => {
      socket.write(`${verb}hello`);
      if (holdMs === 0) socket.resetAndDestroy();
      else setTimeout(() => socket.resetAndDestroy(), holdMs);
    });
    socket.on('error', () => resolve());
    socket.on('close', () => resolve());
  });
}

/** Expects a reset, or the end where descriptors were short. */
function refused(port: number, verb: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write(verb));
    socket.on('data', () => reject(new Error('an answer came')));
    socket.on('error', () => resolve());
    socket.on('close', () => resolve());
  });
}

/** Leaves without a word. */
function silent(port: number, holdMs: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => setTimeout(() => socket.destroy(), holdMs));
    socket.on('error', () => resolve());
    socket.on('close', () => resolve());
  });
}

function replied(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write(VERBS.reply));
    socket.on('data', (chunk: Buffer) => (text += String(chunk)));
    socket.on('end', () => (text === REPLY ? resolve() : reject(new Error(`the reply was ${JSON.stringify(text)}`))));
    failsWith(socket, reject);
  });
}

function failsWith(socket: Socket, reject: (error: Error) => void): void {
  socket.on('error', reject);
  socket.on('close', () => reject(new Error('closed early')));
}
