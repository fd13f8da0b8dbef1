import { join, resolve } from 'node:path';
import type { Command, ServerName } from './model.ts';

/** How one kind of server is run in the foreground on a configuration file. */
export interface ServerKind {
  readonly configName: string;
  run(config: string): Command;
  /** Checks the file without serving. */
  test(config: string): Command;
  env(dir: string, workers: number): NodeJS.ProcessEnv;
}

const ROOT = resolve(import.meta.dirname, '../..');
const MC_PROXY = join(ROOT, 'bin/mc-proxy');

const noEnv = (): NodeJS.ProcessEnv => ({});

export const SERVER_KINDS: Readonly<Record<ServerName, ServerKind>> = {
  ours: {
    configName: 'mc-proxy.toml',
    run: (config) => [MC_PROXY, 'server', '--config', config],
    test: (config) => [MC_PROXY, 'config', 'check', '--config', config],
    env: noEnv,
  },
  haproxy: {
    configName: 'haproxy.cfg',
    run: (config) => ['haproxy', '-db', '-f', config],
    test: (config) => ['haproxy', '-c', '-f', config],
    env: noEnv,
  },
  nginx: {
    configName: 'nginx.conf',
    run: (config) => ['nginx', '-c', config],
    test: (config) => ['nginx', '-t', '-c', config],
    env: noEnv,
  },
  caddy: {
    configName: 'Caddyfile',
    run: (config) => ['caddy', 'run', '--adapter', 'caddyfile', '--config', config],
    test: (config) => ['caddy', 'validate', '--adapter', 'caddyfile', '--config', config],
    env: (dir, workers) => ({ XDG_CONFIG_HOME: dir, XDG_DATA_HOME: dir, GOMAXPROCS: String(workers) }),
  },
};
