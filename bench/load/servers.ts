import { join, resolve } from 'node:path';
import { program } from './backends.ts';
import type { ServerKind } from './model.ts';

/** The kinds of servers, ours and of others; another system's scenario adds its own here. */

const BIN = resolve(import.meta.dirname, '../../bin');

export const mcProxy: ServerKind = {
  needs: [],
  configName: 'mc-proxy.toml',
  run: (config) => [join(BIN, 'mc-proxy'), 'server', '--config', config],
  test: (config) => [join(BIN, 'mc-proxy'), 'config', 'check', '--config', config],
};

export const haproxy: ServerKind = {
  needs: ['haproxy'],
  configName: 'haproxy.cfg',
  run: (config) => ['haproxy', '-db', '-f', config],
  test: (config) => ['haproxy', '-c', '-f', config],
};

export const nginx: ServerKind = {
  needs: ['nginx'],
  configName: 'nginx.conf',
  run: (config) => ['nginx', '-c', config],
  test: (config) => ['nginx', '-t', '-c', config],
};

export const sniproxy: ServerKind = {
  needs: ['sniproxy'],
  configName: 'sniproxy.conf',
  run: (config) => ['sniproxy', '-f', '-c', config],
};

/** Programs of ours that do the least of what mcias does, or do it by what others wrote. */
export const oidcProvider: ServerKind = {
  needs: [],
  configName: 'oidc.json',
  run: (config) => program('oidc-server', config),
};
export const bareNode: ServerKind = {
  needs: [],
  configName: 'bare-node.json',
  run: (config) => program('bare-node', config),
};
export const argon2Loop: ServerKind = {
  needs: [],
  configName: 'argon2.json',
  run: (config) => program('argon2-server', config),
  // As bin/mcias has it: hashes run in libuv's pool.
  env: () => ({ UV_THREADPOOL_SIZE: '16' }),
};

export const caddy = caddyKind('caddy');
/** Built from source; its wire format and Caddyfile are those of the packaged one. */
export const caddyLatest = caddyKind('caddy-latest');

function caddyKind(command: string): ServerKind {
  return {
    needs: [command],
    configName: 'Caddyfile',
    run: (config) => [command, 'run', '--adapter', 'caddyfile', '--config', config],
    test: (config) => [command, 'validate', '--adapter', 'caddyfile', '--config', config],
    env: ({ dir, workers }) => ({ XDG_CONFIG_HOME: dir, XDG_DATA_HOME: dir, GOMAXPROCS: String(workers) }),
  };
}
