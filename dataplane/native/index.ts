import { nativeDatagrams } from './core/datagrams.ts';
import { createCoreReactor } from './core/reactor.ts';
import { nativeFileSender } from './core/send-file.ts';
import { nativeHash } from './core/sha256.ts';
import { loadCore } from './load.ts';
import type { DatagramEngine, FileSender, HashEngine, Reactor } from './native.ts';
import { portableDatagrams } from './portable/datagrams.ts';
import { createPortableReactor } from './portable/reactor.ts';
import { portableFileSender } from './portable/send-file.ts';
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

export function createDatagramEngine(): DatagramEngine {
  const { core } = loadCore();
  return core ? nativeDatagrams(core) : portableDatagrams;
}

export function createFileSender(): FileSender {
  const { core } = loadCore();
  return core ? nativeFileSender(core) : portableFileSender;
}
