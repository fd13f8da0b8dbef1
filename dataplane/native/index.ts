import { nativeHash } from './core/sha256.ts';
import { loadCore } from './load.ts';
import type { HashEngine, Reactor } from './native.ts';
import { createPortableReactor } from './portable/reactor.ts';
import { portableHash } from './portable/sha256.ts';

export function createReactor(): Reactor {
  return createPortableReactor();
}

export function createHashEngine(): HashEngine {
  const { core } = loadCore();
  return core ? nativeHash(core) : portableHash;
}
