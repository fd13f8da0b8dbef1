import { createCoreReactor } from './core/reactor.ts';
import { nativeHash } from './core/sha256.ts';
import { loadCore } from './load.ts';
import type { HashEngine, Reactor } from './native.ts';
import { createPortableReactor } from './portable/reactor.ts';
import { portableHash } from './portable/sha256.ts';

/** Why the portable engine serves, for the operator; empty where the native one does. */
export function whyPortable(): string {
  return loadCore().why ?? '';
}

export function createReactor(): Reactor {
  const { core } = loadCore();
  return core ? createCoreReactor(core) : createPortableReactor();
}

export function createHashEngine(): HashEngine {
  const { core } = loadCore();
  return core ? nativeHash(core) : portableHash;
}
