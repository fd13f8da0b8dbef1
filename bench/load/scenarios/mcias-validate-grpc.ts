import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { program } from '../backends.ts';
import { addTokens, grpcConfig, inRooms, mcias, restConfig } from '../mcias.ts';
import type { Config, Contestant, Scenario } from '../model.ts';
import { runLoad } from '../processes.ts';

const report = z.strictObject({ calls: z.number(), errors: z.array(z.string()) });

function over(protocol: 'grpc' | 'rest', config: Config): Contestant {
  return {
    server: mcias,
    config,
    async prepare({ dir, port, tls }) {
      const tokens = await inRooms(join(dir, mcias.configName), (rooms) => addTokens(rooms, 1000));
      writeFileSync(join(dir, 'validate.json'), JSON.stringify({ protocol, port, ca: tls.ca, tokens }));
    },
  };
}

export const scenario: Scenario = {
  name: 'mcias-validate-grpc',
  about: 'a token validated over gRPC; the rival is mcias over REST; 16 at once, by a program of ours',
  unit: 'call',
  metric: 'cpu',
  ours: over('grpc', grpcConfig),
  rivals: { rest: over('rest', restConfig) },
  load: { needs: [], command: ({ dir }, { seconds }) => program('validate-client', dir, String(seconds)) },
  count(output) {
    const { calls, errors } = report.parse(JSON.parse(output));
    return { units: calls, errors };
  },
  async check({ dir }) {
    const run = { seconds: 0, signal: AbortSignal.timeout(10_000) };
    const { calls, errors } = report.parse(
      JSON.parse((await runLoad(program('validate-client', dir, '0'), run)).stdout),
    );
    if (errors.length > 0 || calls === 0) throw new Error(`${calls} calls: ${errors.join('; ')}`);
  },
};
