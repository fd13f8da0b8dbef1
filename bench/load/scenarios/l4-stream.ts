import { streamBackend } from '../backends.ts';
import { checkStream } from '../checks.ts';
import { haproxySplice, oursRelay, sniproxyRelay } from '../l4-configs.ts';
import type { Scenario } from '../model.ts';
import { countStreams, streamLoad } from '../tools/stream.ts';

const CONNECTIONS = 4;

export const scenario: Scenario = {
  name: 'l4-stream',
  about: `relay from the backend to the client after a ClientHello; ${CONNECTIONS} streams at once`,
  unit: 'GB',
  metric: 'cpu',
  backend: streamBackend('down'),
  ours: oursRelay,
  rivals: { haproxy: haproxySplice, sniproxy: sniproxyRelay },
  load: streamLoad(CONNECTIONS, 'down'),
  count: countStreams,
  check: checkStream,
};
