import type { Reactor } from './native.ts';
import { createPortableReactor } from './portable/reactor.ts';

export function createReactor(): Reactor {
  return createPortableReactor();
}
