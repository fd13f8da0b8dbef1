import { connect, createServer, type AddressInfo } from 'node:net';
import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Arrival, ArrivalHandler, Reactor, ReactorListener } from '../native.ts';
import { reactorEngines } from './engines.ts';

/**
 * Both engines get the same bytes, cut at random, under a handler whose decisions follow from the bytes alone: the first says what is
 * done, the second how many are waited for. What it decided, what the client saw and what the backend got must be the same.
 */
interface Script {
  readonly verb: 'relay' | 'relay with prefix' | 'adopt' | 'reset' | 'reply';
  /** Waited for, the two first bytes included. */
  readonly wanted: number;
  /** Bytes after the first two. */
  readonly rest: number;
  readonly cuts: readonly number[];
}

interface Observed {
  readonly decided: string;
  readonly answer: string;
  readonly end: 'end' | 'reset';
}

const VERBS = ['relay', 'relay with prefix', 'adopt', 'reset', 'reply'] as const;
const PREFIX = Buffer.from('prefix:');

const script: fc.Arbitrary<Script> = fc.record({
  verb: fc.constantFrom(...VERBS),
  wanted: fc.integer({ min: 2, max: 255 }),
  rest: fc.oneof(fc.nat(300), fc.nat(9000), fc.nat(200_000)),
  cuts: fc.array(fc.nat(9000), { maxLength: 6 }),
});

interface Bench {
  readonly reactor: Reactor;
  readonly listener: ReactorListener;
  decided: string;
}

let backend: ReturnType<typeof createServer>;
const benches: Bench[] = [];

beforeAll(async () => {
  backend = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => backend.listen(0, '127.0.0.1', resolve));
  for (const { create } of reactorEngines) benches.push(await createBench(create()));
});
afterAll(async () => {
  for (const { reactor } of benches) await reactor[Symbol.asyncDispose]();
  backend.close();
});

it('the engines decide alike and lose, add or reorder no byte, however the stream is cut', async () => {
  await fc.assert(
    fc.asyncProperty(script, async (script) => {
      const expected = predict(script);
      for (const bench of benches) {
        expect(await observe(bench, script), bench.reactor.engine).toEqual(expected);
      }
    }),
    { numRuns: 60 },
  );
}, 120_000);

/** What follows from the script alone, so that one engine is tested too where the other isn't built. */
function predict(script: Script): Observed {
  const bytes = bytesOf(script);
  if (bytes.length < script.wanted) return { decided: 'closed', answer: '', end: 'end' };
  const answers: Record<Script['verb'], Buffer> = {
    relay: bytes,
    'relay with prefix': Buffer.concat([PREFIX, bytes.subarray(1)]),
    adopt: bytes.subarray(2),
    reset: Buffer.alloc(0),
    reply: Buffer.from('bye'),
  };
  const decided = `${script.verb} ${bytes.subarray(0, script.wanted).toString('hex')}`;
  return { decided, answer: answers[script.verb].toString('hex'), end: script.verb === 'reset' ? 'reset' : 'end' };
}

function bytesOf({ verb, wanted, rest }: Script): Buffer {
  const pattern = Buffer.from(Array.from({ length: rest }, (_, index) => (index * 7) % 251));
  return Buffer.concat([Buffer.from([VERBS.indexOf(verb), wanted]), pattern]);
}

async function createBench(reactor: Reactor): Promise<Bench> {
  const bench: { decided: string } = { decided: '' };
  const handler: ArrivalHandler<null> = {
    failed: (error) => expect.fail(error.message),
    arrived: (batch) => batch.forEach((arrival) => decide(arrival, bench)),
  };
  const endpoint = { kind: 'tcp', host: '127.0.0.1', port: 0 } as const;
  const listener = await reactor.listen({ endpoint, backlog: 16, helloTimeoutMs: () => 20_000, handler });
  return Object.assign(bench, { reactor, listener });
}

function decide(arrival: Arrival<null>, bench: { decided: string }): void {
  const { bytes } = arrival;
  if (arrival.state !== 'open') {
    bench.decided = arrival.state;
    return;
  }
  if (bytes.length < 2) return arrival.more(2);
  const [kind = 0, wanted = 0] = bytes;
  if (bytes.length < wanted) return arrival.more(wanted);
  const verb = VERBS[kind] ?? 'reset';
  bench.decided = `${verb} ${Buffer.from(bytes.subarray(0, wanted)).toString('hex')}`;
  if (verb === 'reset') return arrival.reset();
  if (verb === 'reply') return arrival.reply(Buffer.from('bye'));
  if (verb === 'adopt') {
    const socket = arrival.adopt(2);
    // Ends with its peer: what came is sent back when all of it is there.
    const chunks: Buffer[] = [];
    socket.allowHalfOpen = true;
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('end', () => socket.end(Buffer.concat(chunks)));
    socket.on('error', () => socket.destroy());
    socket.resume();
    return;
  }
  const withPrefix = verb === 'relay with prefix';
  arrival.relay(
    {
      host: '127.0.0.1',
      port: (backend.address() as AddressInfo).port,
      prefix: withPrefix ? PREFIX : null,
      skip: withPrefix ? 1 : 0,
      connectTimeoutMs: 10_000,
      idleTimeoutMs: 20_000,
    },
    { connected: () => {}, connectFailed: (code) => (bench.decided = code), closed: () => {} },
  );
}

async function observe(bench: Bench, script: Script): Promise<Observed> {
  bench.decided = '';
  const bytes = bytesOf(script);
  const cuts = [...new Set(script.cuts.filter((cut) => cut < bytes.length))].sort((a, b) => a - b);
  const { answer, end } = await new Promise<Omit<Observed, 'decided'>>((resolve) => {
    const socket = connect({ port: bench.listener.port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    const chunks: Buffer[] = [];
    const settle = (how: Observed['end']): void => resolve({ answer: Buffer.concat(chunks).toString('hex'), end: how });
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('end', () => settle('end'));
    socket.on('error', () => settle('reset'));
    void sendCut(bytes, cuts, (piece) => socket.write(piece)).then(() => socket.end());
  });
  // One that left before its hello was whole hears the end or, with its bytes unread, a reset: it no longer listens.
  return { decided: bench.decided, answer, end: bench.decided === 'closed' ? 'end' : end };
}

/** A turn of the loop between two pieces, so that they come apart mostly. */
async function sendCut(bytes: Buffer, cuts: readonly number[], write: (piece: Buffer) => void): Promise<void> {
  let start = 0;
  for (const end of [...cuts, bytes.length]) {
    if (end > start) write(bytes.subarray(start, end));
    start = end;
    await new Promise((resolve) => setImmediate(resolve));
  }
}
