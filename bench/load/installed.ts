import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { findProgram, searchPath } from '../../deploy/checks/find-program.ts';
import { NGINX_STREAM_MODULE } from './configs.ts';
import type { Part } from './model.ts';

/** The version of each part, or null where the machine lacks it. */
export type Installed = Readonly<Record<Part, string | null>>;

export function findInstalled(path: string = searchPath()): Installed {
  const version = (command: string, args: readonly string[], pattern: RegExp): string | null => {
    const file = findProgram(command, path);
    return file === null ? null : askVersion(file, args, pattern);
  };
  const nginx = version('nginx', ['-v'], /nginx\/(\S+)/);
  return {
    haproxy: version('haproxy', ['-v'], /version (\S+)/),
    nginx,
    'nginx-stream': existsSync(NGINX_STREAM_MODULE) ? nginx : null,
    caddy: version('caddy', ['version'], /(\d\S*)/),
    wrk: version('wrk', ['-v'], /^wrk (?:debian\/)?(\S+)/),
    h2load: version('h2load', ['--version'], /nghttp2\/(\S+)/),
  };
}

export function missingOf<P extends Part>(installed: Installed, needs: readonly P[]): P[] {
  return needs.filter((part) => installed[part] === null);
}

/** wrk ends with 1 after it has told its version, so only the text counts. */
function askVersion(file: string, args: readonly string[], pattern: RegExp): string {
  const { stdout, stderr } = spawnSync(file, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  return pattern.exec(`${stdout}\n${stderr}`.trim())?.[1] ?? 'of unknown version';
}
