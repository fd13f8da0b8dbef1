import { createCoreReactor } from '../core/reactor.ts';
import { nativeDatagrams } from '../core/datagrams.ts';
import { nativeFileSender } from '../core/send-file.ts';
import { nativeHash } from '../core/sha256.ts';
import { loadCore } from '../load.ts';
import type { DatagramEngine, FileSender, HashEngine, Reactor } from '../native.ts';
import { portableDatagrams } from '../portable/datagrams.ts';
import { portableFileSender } from '../portable/send-file.ts';
import { createPortableReactor } from '../portable/reactor.ts';
import { portableHash } from '../portable/sha256.ts';

/** What there is to test of each primitive: always the portable twin, and the native one where the core is built. */
const { core, why } = loadCore();
if (!core) console.warn(`the native core is not tested: ${why}`);

export const hashEngines: readonly HashEngine[] = core ? [portableHash, nativeHash(core)] : [portableHash];
export const datagramEngines: readonly DatagramEngine[] = core
  ? [portableDatagrams, nativeDatagrams(core)]
  : [portableDatagrams];
export const fileSenders: readonly FileSender[] = core
  ? [portableFileSender, nativeFileSender(core)]
  : [portableFileSender];

export interface ReactorEngine {
  readonly name: Reactor['engine'];
  create(): Reactor;
}

const portableReactor: ReactorEngine = { name: 'portable', create: createPortableReactor };
export const reactorEngines: readonly ReactorEngine[] = core
  ? [portableReactor, { name: 'native', create: () => createCoreReactor(core) }]
  : [portableReactor];
