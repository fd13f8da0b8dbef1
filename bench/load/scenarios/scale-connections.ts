import { helloBackend } from '../backends.ts';
import { checkHello } from '../checks.ts';
import { haproxyRelay, oursRelay } from '../l4-configs.ts';
import type { Scenario } from '../model.ts';
import { countAnswers, rawHelloLoad } from '../tools/wrk.ts';

/** So many at once wait for one another, and the kernel may make the first of them knock again. */
const TIMEOUT_SECONDS = 30;

export const scenario: Scenario = {
  name: 'scale-connections',
  about:
    'connect, ClientHello, 64 bytes back, close; so many connections at once (8,000 stand for 10,000: each takes two of 20,000 files)',
  unit: 'connection',
  metric: 'cpu',
  scale: { what: 'connections at once', one: 'connection', sizes: [1, 100, 8000], memory: 'loaded' },
  backend: helloBackend,
  ...rawHelloLoad(({ size }) => size, TIMEOUT_SECONDS),
  ours: oursRelay,
  rivals: { haproxy: haproxyRelay },
  count: countAnswers,
  check: checkHello,
};
