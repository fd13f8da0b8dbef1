import { it } from 'vitest';
import { transfer } from './big-bodies.ts';

const MIB = 1024 * 1024;

it.each<['http1' | 'http2', 'http1' | 'h2c', 'up' | 'down']>([
  ['http1', 'http1', 'down'],
  ['http1', 'http1', 'up'],
  ['http2', 'http1', 'down'],
  ['http2', 'http1', 'up'],
  ['http2', 'h2c', 'down'],
  ['http2', 'h2c', 'up'],
])(
  'PX-3 1 GiB from a client of %s to a backend of %s, %s, in flat memory',
  (front, back, direction) => transfer(front, back, direction, 1024 * MIB, 150 * MIB),
  300_000,
);
