import { BEHAVIOURS, type Behaviour } from './behaviours.ts';

/** `clients.ts PORT CONNECTIONS SECONDS SEED`: keeps so many clients of all behaviours busy on the port and ends with a report as JSON. */
export interface ClientsReport {
  readonly runs: Readonly<Record<string, number>>;
  /** By behaviour and message. */
  readonly failures: Readonly<Record<string, number>>;
}

const [port = '', connections = '', seconds = '', seed = ''] = process.argv.slice(2);
const random = generator(Number(seed));

await load(Number(port));

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
  process.stdout.write(`${JSON.stringify({ runs, failures } satisfies ClientsReport)}\n`);
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
