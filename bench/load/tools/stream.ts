import { z } from 'zod';

const report = z.strictObject({ streams: z.int().min(0), bytes: z.int().min(0), errors: z.array(z.string()) });

export type StreamReport = Readonly<z.output<typeof report>>;

/** @throws when the text is no report of programs/stream-client.ts */
export function parseStreamReport(output: string): StreamReport {
  return report.parse(JSON.parse(output));
}
