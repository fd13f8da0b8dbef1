import { streamBackend } from '../backends.ts';
import { checkStreamUp } from '../checks.ts';
import { haproxySplice, oursRelay } from '../l4-configs.ts';
import type { Scenario } from '../model.ts';
import { countStreams, streamLoad } from '../tools/stream.ts';

const CONNECTIONS = 4;

export const scenario: Scenario = {
  name: 'l4-stream-up',
  about: `relay from the client to the backend after a ClientHello; ${CONNECTIONS} streams at once`,
  unit: 'GB',
  metric: 'cpu',
  backend: streamBackend('up'),
  ours: oursRelay,
  // sniproxy does not pass a half-close on.
  rivals: { haproxy: haproxySplice },
  load: streamLoad(CONNECTIONS, 'up'),
  count: countStreams,
  check: checkStreamUp,
};
