import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/**
 * `npm run pack:native [-- FOLDER]`: the native core that set-up built here, as an npm package of this platform
 * (`@metacircular/core-linux-x64`), written as a tarball into the folder (`.`). Named in `optionalDependencies`, npm installs the one
 * that fits a machine, and `dataplane/native/load.ts` finds it where there is no cargo. The C library is part of the platform.
 */
const root = resolve(import.meta.dirname, '../..');
const binary = join(root, 'native-deps/core/target/core.node');
const target = resolve(process.argv[2] ?? '.');

if (existsSync(binary)) pack();
else {
  process.stderr.write(`${binary} is not there: run \`npm run setup\` where there is cargo\n`);
  process.exitCode = 1;
}

function pack(): void {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  const folder = mkdtempSync(join(tmpdir(), 'pack-native-'));
  try {
    copyFileSync(binary, join(folder, 'core.node'));
    writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest(version), null, 2));
    mkdirSync(target, { recursive: true });
    const packed = execFileSync('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', target], {
      cwd: folder,
      encoding: 'utf8',
    });
    process.stdout.write(`${join(target, packed.trim())}\n`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function manifest(version: string): Readonly<Record<string, unknown>> {
  return {
    name: `@metacircular/core-${process.platform}-${process.arch}`,
    version,
    description: 'The native core of Metacircular for one platform',
    license: 'UNLICENSED',
    os: [process.platform],
    cpu: [process.arch],
    libc: ['glibc'],
    files: ['core.node'],
    main: 'core.node',
  };
}
