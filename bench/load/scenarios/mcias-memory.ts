import { checkListens, mcias, restAndGrpcConfig } from '../mcias.ts';
import type { Scenario } from '../model.ts';
import { bareNode } from '../servers.ts';

export const scenario: Scenario = {
  name: 'mcias-memory',
  about:
    'resident memory of an idle mcias without OpenID Connect; the rival is Node with fastify, grpc-js and better-sqlite3 loaded',
  unit: 'process',
  metric: 'memory',
  memoryAt: 1,
  ours: { server: mcias, config: restAndGrpcConfig },
  rivals: { 'bare-node': { server: bareNode, config: ({ port }) => JSON.stringify({ port }) } },
  load: {
    needs: [],
    // Waits first: memory is read at the first output.
    holds: true,
    command: (_site, { seconds }) => ['sh', '-c', `sleep ${seconds}; echo waited`],
  },
  count: () => ({ units: 1, errors: [] }),
  check: checkListens,
};
