import type { NativeCore } from '../load.ts';
import type { HashEngine } from '../native.ts';

export function nativeHash(core: NativeCore): HashEngine {
  return {
    engine: 'native',
    sha256: () => Promise.resolve(new core.Sha256()),
    loadSha256: (saved) => Promise.resolve(core.Sha256.load(saved)),
  };
}
