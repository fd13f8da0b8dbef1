import { posix } from 'node:path';
import { isTestCode, type SourceFile } from './source-files.ts';

/** `from` may import `to`; both are paths from the root, a folder ends in `/`. The longest `from` that fits a file is its rule. */
export type Direction = { readonly from: string; readonly to: readonly string[] };

export type Violation = { readonly path: string; readonly specifier: string; readonly why: string };

const library = ['mcdsl/', 'proto/gen/'];
const ground = [...library, 'dataplane/native/', 'dataplane/net/'];
const capabilities = [...ground, 'dataplane/firewall/', 'dataplane/transit/', 'dataplane/blob/'];

const identity = (...rooms: string[]): string[] => rooms.map((room) => `controlplane/identity/${room}`);
const identityGround = [...library, ...identity('errors.ts', 'reasons.ts', 'store/', 'keys/')];
const identityCore = [
  ...identityGround,
  ...identity(
    'audit/',
    'accounts/',
    'passwords/',
    'factors/',
    'throttle/',
    'policy/',
    'tickets/',
    'sessions/',
    'tokens/',
  ),
];

/** DESIGN §3 as data: `native`, `net` <- `firewall`, `transit`, `blob` <- `proxy`, `dns` <- `engine` <- `main.ts`. */
export const directions: readonly Direction[] = [
  { from: 'mcdsl/', to: library },
  { from: 'dataplane/native/', to: ground },
  { from: 'dataplane/net/', to: ground },
  { from: 'dataplane/firewall/', to: [...ground, 'dataplane/firewall/'] },
  { from: 'dataplane/transit/', to: [...ground, 'dataplane/transit/'] },
  { from: 'dataplane/blob/', to: [...ground, 'dataplane/blob/'] },
  { from: 'dataplane/proxy/', to: [...capabilities, 'dataplane/proxy/'] },
  { from: 'dataplane/dns/', to: [...capabilities, 'dataplane/dns/'] },
  { from: 'dataplane/engine/', to: [...capabilities, 'dataplane/proxy/', 'dataplane/dns/', 'dataplane/engine/'] },
  { from: 'dataplane/main.ts', to: [...library, 'dataplane/'] },
  { from: 'dataplane/test/', to: [...library, 'dataplane/'] },
  { from: 'controlplane/', to: [...library, 'controlplane/scheduler/', 'controlplane/agent/', 'controlplane/cli/'] },
  // mcias: other systems reach it over its API alone, and so does its own command line.
  { from: 'controlplane/identity/', to: [...library, 'controlplane/identity/'] },
  { from: 'controlplane/identity/errors.ts', to: [...library, ...identity('reasons.ts')] },
  { from: 'controlplane/identity/store/', to: [...library, ...identity('errors.ts', 'store/')] },
  { from: 'controlplane/identity/keys/', to: identityGround },
  ...['audit/', 'accounts/', 'passwords/', 'factors/', 'throttle/', 'policy/', 'tickets/', 'sessions/', 'tokens/'].map(
    (room) => ({
      from: `controlplane/identity/${room}`,
      to: identityCore,
    }),
  ),
  { from: 'controlplane/identity/login/', to: [...identityCore, ...identity('login/')] },
  { from: 'controlplane/identity/config/', to: [...identityCore, ...identity('config/')] },
  { from: 'controlplane/identity/ctl/', to: [...library, ...identity('errors.ts', 'ctl/')] },
  { from: 'controlplane/vault/', to: [...library, 'controlplane/vault/', 'dataplane/transit/index.ts'] },
  { from: 'services/', to: [...library, 'services/'] },
  { from: 'services/mcr/', to: [...library, 'services/', 'dataplane/blob/index.ts'] },
  { from: 'deploy/', to: [...library, 'deploy/'] },
  { from: 'bench/', to: [''] },
];

/** What test code may import besides what its folder may: the test support of every folder that production code of it may see. */
const testSupport = ['deploy/checks/clients.ts'];

/**
 * Checks the relative imports of every file against the directions, and package imports against what package.json declares:
 * production code stands on `dependencies`, test code on `devDependencies` too.
 */
export function checkDirections(
  files: readonly SourceFile[],
  declared: { readonly dependencies: readonly string[]; readonly devDependencies: readonly string[] },
  table: readonly Direction[] = directions,
): Violation[] {
  return files.flatMap(({ path, source }) => {
    const rule = ruleOf(path, table);
    if (rule === undefined) return [{ path, specifier: '', why: 'has no row in the table of directions' }];
    return importsOf(source).flatMap((specifier) => {
      const why = specifier.startsWith('.')
        ? refusalOfFile(path, posix.join(posix.dirname(path), specifier), rule)
        : refusalOfPackage(path, specifier, declared);
      return why === null ? [] : [{ path, specifier, why }];
    });
  });
}

/**
 * The specifiers that a module names: static and dynamic imports, re-exports, types by `import()`, and files given as
 * `new URL('./x.ts', import.meta.url)`, as worker threads are. Relies on the formatter: a statement starts its line and quotes are
 * single, so that text in comments and templates is not taken for an import.
 */
export function importsOf(source: string): string[] {
  const patterns = [
    /^(?:import|export)\b[^'"`;]*?\bfrom\s+'([^']+)'/gm,
    /^import\s+'([^']+)'/gm,
    /^(?!\s*(?:\*|\/\/)).*?\bimport\(\s*'([^']+)'/gm,
    /\bnew URL\(\s*'(\.[^']+\.[cm]?[jt]s)'/g,
  ];
  return patterns.flatMap((pattern) => [...source.matchAll(pattern)].map((match) => match[1] ?? ''));
}

function ruleOf(path: string, table: readonly Direction[]): Direction | undefined {
  return table.filter(({ from }) => path.startsWith(from)).sort((a, b) => b.from.length - a.from.length)[0];
}

function refusalOfFile(path: string, target: string, rule: Direction): string | null {
  // The version of the release stands there, and nowhere else.
  if (target === 'package.json') return null;
  const folder = path.slice(0, path.indexOf('/') + 1);
  const isAllowed =
    rule.to.some((prefix) => target.startsWith(prefix)) ||
    (isTestCode(path) && (testSupport.includes(target) || (isTestCode(target) && target.startsWith(folder))));
  if (!isAllowed) return `${rule.from} must not import ${target}`;
  const mayUseTestCode = isTestCode(path) || path.startsWith('bench/');
  return isTestCode(target) && !mayUseTestCode ? 'production code must not import test code' : null;
}

function refusalOfPackage(
  path: string,
  specifier: string,
  declared: { readonly dependencies: readonly string[]; readonly devDependencies: readonly string[] },
): string | null {
  if (specifier.startsWith('node:')) return null;
  const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
  if (declared.dependencies.includes(name)) return null;
  if (!declared.devDependencies.includes(name)) return `${name} is not declared in package.json`;
  const isTool = isTestCode(path) || path.startsWith('deploy/checks/') || path.startsWith('bench/');
  return isTool ? null : `${name} is only a development dependency`;
}
