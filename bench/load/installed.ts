import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { findProgram } from '../../deploy/checks/find-program.ts';
import { programPath, readParts, type Part } from './parts.ts';

/** The version of each part, or null where the machine lacks it. */
export type Installed = Readonly<Record<string, string | null>>;

/** Of a part that tells no version. */
export const PRESENT = 'present';

export function findInstalled(parts: readonly Part[] = readParts(), path: string = programPath()): Installed {
  return Object.fromEntries(parts.map((part) => [part.name, versionOf(part, path)]));
}

export function missingOf(installed: Installed, needs: readonly string[]): string[] {
  return needs.filter((part) => (installed[part] ?? null) === null);
}

function versionOf({ file, versionArg }: Part, path: string): string | null {
  const found = file.includes('/') ? (existsSync(file) ? file : null) : findProgram(file, path);
  if (found === null || versionArg === null) return found && PRESENT;
  return askVersion(found, versionArg);
}

/** Some end with an error after they have told their version, so only the text counts: its first number with a dot. */
function askVersion(file: string, arg: string): string {
  const { stdout, stderr } = spawnSync(file, [arg], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  return /\d+\.\d[\w.+~-]*/.exec(`${stdout}\n${stderr}`)?.[0] ?? 'of unknown version';
}
