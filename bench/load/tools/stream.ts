import { z } from 'zod';
import { program } from '../backends.ts';
import type { Count, Load } from '../model.ts';

const GB = 1e9;

const streams = z.strictObject({ streams: z.int().min(0), bytes: z.int().min(0), errors: z.array(z.string()) });
const held = z.strictObject({ held: z.int().min(0), errors: z.array(z.string()) });

/** programs/stream-client.ts. */
export function streamLoad(connections: number, direction: 'down' | 'up'): Load {
  return {
    needs: [],
    command: ({ port, helloFile }, { seconds }) =>
      program('stream-client', String(port), helloFile, String(connections), String(seconds), direction),
  };
}

/** GB of whole streams. @throws when the text is no report of programs/stream-client.ts */
export function countStreams(output: string): Count {
  const { bytes, errors } = streams.parse(JSON.parse(output));
  return { units: bytes / GB, errors };
}

/** programs/hold-client.ts: half a second is enough to read memory in. */
export function holdLoad(connections: number, seconds = 0.5): Load {
  return {
    needs: [],
    holds: true,
    command: ({ port, helloFile }) =>
      program('hold-client', String(port), helloFile, String(connections), String(seconds)),
  };
}

/** Connections that were open to the end. @throws when the text is no report of programs/hold-client.ts */
export function countHeld(output: string): Count {
  const { held: units, errors } = held.parse(JSON.parse(output.trimEnd().split('\n').at(-1) ?? ''));
  return { units, errors };
}
