import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkDirections, importsOf } from './import-directions.ts';
import { codeFiles, repositoryFiles, repositoryRoot } from './source-files.ts';

const manifest = JSON.parse(readFileSync(join(repositoryRoot, 'package.json'), 'utf8')) as {
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
};
const declared = {
  dependencies: Object.keys(manifest.dependencies),
  devDependencies: Object.keys(manifest.devDependencies),
};

function violationsOf(path: string, ...specifiers: string[]): string[] {
  const source = specifiers.map((specifier) => `import { x } from '${specifier}';\n`).join('');
  return checkDirections([{ path, source }], declared).map(({ specifier, why }) => `${specifier}: ${why}`);
}

describe('import directions', () => {
  it('hold in the whole repository', () => {
    const files = codeFiles(repositoryFiles());
    expect(files.length).toBeGreaterThan(20);
    expect(checkDirections(files, declared)).toEqual([]);
  });

  it.each([
    ['mcdsl/config/load.ts', '../../dataplane/net/address.ts'],
    ['dataplane/net/cidr.ts', '../firewall/index.ts'],
    ['dataplane/native/portable/relay.ts', '../../proxy/pipeline.ts'],
    ['dataplane/firewall/rules.ts', '../proxy/model.ts'],
    ['dataplane/firewall/rules.ts', '../blob/index.ts'],
    ['dataplane/proxy/pipeline.ts', '../engine/errors.ts'],
    ['dataplane/proxy/pipeline.ts', '../dns/index.ts'],
    ['dataplane/engine/run.ts', '../main.ts'],
    ['dataplane/engine/run.ts', '../../controlplane/agent/index.ts'],
    ['dataplane/main.ts', '../services/mcr/index.ts'],
    ['controlplane/vault/main.ts', '../../services/mcr/index.ts'],
    ['controlplane/vault/main.ts', '../../dataplane/transit/frame.ts'],
    ['controlplane/agent/main.ts', '../../dataplane/transit/index.ts'],
    ['controlplane/agent/main.ts', '../identity/index.ts'],
    ['controlplane/vault/main.ts', '../identity/tokens/index.ts'],
    ['controlplane/identity/store/store.ts', '../keys/index.ts'],
    ['controlplane/identity/keys/seal.ts', '../accounts/index.ts'],
    ['controlplane/identity/tokens/issue.ts', '../api/index.ts'],
    ['controlplane/identity/accounts/names.ts', '../config/index.ts'],
    ['controlplane/identity/ctl/main.ts', '../tokens/index.ts'],
    ['controlplane/identity/api/rest.ts', '../../vault/index.ts'],
    ['services/mcr/main.ts', '../../controlplane/vault/index.ts'],
    ['services/mcr/main.ts', '../../dataplane/blob/stage.ts'],
    ['services/mcns/main.ts', '../../dataplane/blob/index.ts'],
    ['deploy/box/start.ts', '../../dataplane/engine/errors.ts'],
    ['deploy/box/start.ts', '../../bench/load/run.ts'],
    ['dataplane/proxy/pipeline.test.ts', '../engine/errors.ts'],
    ['mcdsl/grpc/server.ts', './test/fixture.ts'],
    ['mcdsl/grpc/server.ts', 'vitest'],
    ['mcdsl/grpc/server.ts', 'lodash/get'],
    ['dataplane/elsewhere/x.ts', ''],
  ])('%s must not import %s', (path, specifier) => {
    expect(violationsOf(path, specifier)).toHaveLength(1);
  });

  it.each([
    ['mcdsl/grpc/server.ts', '../../proto/gen/mcdsl/v1/admin.ts'],
    ['dataplane/net/cidr.ts', '../../mcdsl/errors/index.ts'],
    ['dataplane/engine/run.ts', '../proxy/pipeline.ts'],
    ['dataplane/main.ts', './engine/run.ts'],
    ['controlplane/vault/main.ts', '../../dataplane/transit/index.ts'],
    ['controlplane/identity/tokens/issue.ts', '../keys/index.ts'],
    ['controlplane/identity/config/schema.ts', '../policy/index.ts'],
    ['controlplane/identity/api/rest.ts', '../config/index.ts'],
    ['services/mcr/main.ts', '../../dataplane/blob/index.ts'],
    ['bench/load/run.ts', '../../dataplane/engine/run.ts'],
    ['bench/load/run.ts', '../../dataplane/engine/test/fixture.ts'],
    ['dataplane/proxy/l7/test/l7.test.ts', '../../../../deploy/checks/clients.ts'],
    ['dataplane/proxy/l7/test/l7.test.ts', '../../../engine/test-support/boot.ts'],
    ['mcdsl/grpc/test/grpc.test.ts', 'fast-check'],
    ['mcdsl/grpc/server.ts', '@grpc/grpc-js/build/src/server.js'],
    ['mcdsl/grpc/server.ts', 'node:net'],
  ])('%s may import %s', (path, specifier) => {
    expect(violationsOf(path, specifier)).toEqual([]);
  });

  it('sees every way to name a module, and no comment', () => {
    const source = [
      `import type { A } from './type.ts';`,
      `import {`,
      `  b,`,
      `} from './several-lines.ts';`,
      `import './effect.ts';`,
      `export * from './all.ts';`,
      `export { c } from './some.ts';`,
      `const d = await import('./dynamic.ts');`,
      `type E = import('./inline-type.ts').E;`,
      `new Worker(new URL('./thread.ts', import.meta.url));`,
      `// import { no } from './comment.ts';`,
      ` * import('./documentation.ts')`,
      `export const text = 'from a place';`,
    ].join('\n');
    expect(importsOf(source).sort()).toEqual(
      ['type', 'several-lines', 'effect', 'all', 'some', 'dynamic', 'inline-type', 'thread']
        .map((name) => `./${name}.ts`)
        .sort(),
    );
  });
});
