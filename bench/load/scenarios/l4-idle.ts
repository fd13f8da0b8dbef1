import { holdBackend } from '../backends.ts';
import { checkHeld } from '../checks.ts';
import { haproxyRelay, oursRelay, sniproxyRelay } from '../l4-configs.ts';
import type { Scenario } from '../model.ts';
import { countHeld, holdLoad } from '../tools/stream.ts';

const CONNECTIONS = 8000;
const SCALED_TO = 10_000;

export const scenario: Scenario = {
  name: 'l4-idle',
  about: `resident memory with ${SCALED_TO} idle relayed connections, from what ${CONNECTIONS} take (each needs two of 20,000 files)`,
  unit: 'connection',
  metric: 'memory',
  memoryAt: SCALED_TO,
  backend: holdBackend,
  ours: oursRelay,
  rivals: { haproxy: haproxyRelay, sniproxy: sniproxyRelay },
  load: holdLoad(CONNECTIONS),
  count: countHeld,
  check: checkHeld,
};
