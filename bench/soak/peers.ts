import { createServer, type AddressInfo } from 'node:net';
import { BEHAVIOURS, type Behaviour } from './behaviours.ts';

/**
 * `peers.ts PORT CONNECTIONS SECONDS SEED`: prints the port of a backend that echoes, then keeps so many
 * clients of all behaviours busy on PORT (read from stdin), and ends with a report as JSON.
 */
export interface PeersReport {
  readonly runs: Readonly<Record<string, number>>;
  /** By behaviour and message. */
  readonly failures: Readonly<Record<string, number>>;
}

const [connections = '', seconds = '', seed = ''] = process.argv.slice(2);
const random = generator(Number(seed));

const backend = createServer({ allowHalfOpen: true }, (socket) => {
  socket.on('error', () => socket.destroy());
  socket.pipe(socket);
});
backend.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () =>
  process.stdout.write(`${(backend.address() as AddressInfo).port}\n`),
);

process.stdin.once('data', (text) => void load(Number(String(text))));

async function load(port: number): Promise<void> {
  const deadline = performance.now() + Number(seconds) * 1000;
  const runs: Record<string, number> = {};
  const failures: Record<string, number> = {};
  const client = async (): Promise<void> => {
    while (performance.now() < deadline) {
      const behaviour = draw();
      runs[behaviour.name] = (runs[behaviour.name] ?? 0) + 1;
      await behaviour.run(port, random).catch(({ message }: Error) => {
        const key = `${behaviour.name}: ${message}`;
        failures[key] = (failures[key] ?? 0) + 1;
      });
    }
  };
  await Promise.all(Array.from({ length: Number(connections) }, client));
  process.stdout.write(`${JSON.stringify({ runs, failures } satisfies PeersReport)}\n`);
  process.exit(0);
}

function draw(): Behaviour {
  let left = random() * BEHAVIOURS.reduce((sum, { share }) => sum + share, 0);
  for (const behaviour of BEHAVIOURS) if ((left -= behaviour.share) < 0) return behaviour;
  throw new Error('shares are above 0');
}

/** xorshift32 (Marsaglia), 0 ≤ n < 1; the same behaviours for the same seed. */
function generator(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
