import { helloBackend } from '../backends.ts';
import { checkHello } from '../checks.ts';
import { haproxyRelay, oursRelay, sniproxyRelay } from '../l4-configs.ts';
import type { Scenario } from '../model.ts';
import { countAnswers, rawHelloLoad } from '../tools/wrk.ts';

const CONNECTIONS = 64;

export const scenario: Scenario = {
  name: 'l4-connection',
  about: `connect, ClientHello, 64 bytes back, close; ${CONNECTIONS} connections at once, by wrk with a raw hello`,
  unit: 'connection',
  metric: 'cpu',
  backend: helloBackend,
  ...rawHelloLoad(CONNECTIONS),
  ours: oursRelay,
  rivals: { haproxy: haproxyRelay, sniproxy: sniproxyRelay },
  count: countAnswers,
  check: checkHello,
};
