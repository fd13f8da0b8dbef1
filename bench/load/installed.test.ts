import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findInstalled, missingOf } from './installed.ts';
import { readParts } from './parts.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'bench-path-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

/** A program that says its version as the real one does. */
function pretend(command: string, script: string): void {
  writeFileSync(join(directory, command), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}

describe('BE-5 rivals of this machine', () => {
  it('are found with their versions, as each tells it', () => {
    pretend('haproxy', `echo 'HAProxy version 2.6.12-1+deb12u4 2026/10/17 - https://haproxy.org/'`);
    pretend('nginx', `echo 'nginx version: nginx/1.22.1' >&2`);
    pretend('caddy', `echo '2.6.2'`);
    pretend('caddy-latest', `echo 'v2.10.2 h1:g/gTYjGMD0dec+UgMw8SnfmJ3I9+M2TdvoRL/Ovu6U8='`);
    pretend('sniproxy', `echo 'sniproxy 0.6.0'`);
    pretend('wrk', `echo 'wrk debian/4.1.0-3+b2 [epoll] Copyright (C) 2012 Will Glozer'; exit 1`);
    pretend('h2load', `echo 'h2load nghttp2/1.52.0'`);
    expect(findInstalled(readParts(), directory)).toMatchObject({
      haproxy: '2.6.12-1+deb12u4',
      nginx: '1.22.1',
      caddy: '2.6.2',
      'caddy-latest': '2.10.2',
      sniproxy: '0.6.0',
      wrk: '4.1.0-3+b2',
      h2load: '1.52.0',
    });
  });

  it('are found where they tell their version in words of their own', () => {
    pretend('haproxy', 'exit 1');
    expect(findInstalled(readParts(), directory).haproxy).toBe('of unknown version');
  });

  it('are named where they are missing', () => {
    writeFileSync(join(directory, 'nginx'), 'not a program');
    const installed = findInstalled(readParts(), directory);
    expect(missingOf(installed, ['haproxy', 'nginx', 'unheard-of'])).toEqual(['haproxy', 'nginx', 'unheard-of']);
    expect(missingOf(installed, [])).toEqual([]);
  });
});
