import { chmodSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { requireClient } from '../../checks/clients.ts';
import { createScratch, root, startCommand } from './box.ts';

const isRoot = process.getuid?.() === 0;
const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--'];

/**
 * The checkout under a path that everybody may reach, in a network with nothing but loopback, as an ordinary user. All of it is gone
 * with the process.
 */
function confined(checkout: string, command: readonly string[]): string[] {
  mkdirSync(checkout);
  const script = 'mount --bind "$1" "$2" && ip link set lo up && cd "$2" && shift 2 && exec "$@"';
  return ['unshare', '--mount', '--net', 'sh', '-c', script, 'sh', root, checkout, ...nobody, ...command];
}

describe.runIf(isRoot)('npm start as an ordinary user (these tests become one, which only root can)', () => {
  requireClient('setpriv', 'unshare', 'ip');

  it('starts offline, from a checkout that it may only read', async () => {
    await using scratch = createScratch();
    const checkout = join(scratch.path, 'checkout');
    chmodSync(scratch.path, 0o777);
    const command = confined(checkout, [join(checkout, 'node_modules/.bin/node'), 'deploy/box/start.ts']);
    const box = scratch.start({ command });
    expect((await box.page).match(/^ {2}ok {2}.*/gm)).toHaveLength(5);
    box.signal('SIGINT');
    expect((await box.ended).code).toBe(0);
  });

  it('says whose directory it cannot use, and what to do', async () => {
    await using scratch = createScratch();
    chmodSync(scratch.path, 0o755);
    mkdirSync(scratch.srv, { mode: 0o755 });
    const checkout = join(scratch.path, 'checkout');
    const command = confined(checkout, [join(checkout, 'node_modules/.bin/node'), 'deploy/box/start.ts']);
    const { code, output } = await scratch.start({ command }).ended;
    expect(output).toBe(
      `npm start: the box keeps its files in ${scratch.srv}, and cannot use ${scratch.srv}/box: this user may not.\n` +
        'Mend that, or give the box another directory: npm start -- --dir DIRECTORY\n',
    );
    expect(code).toBe(1);
  });

  it('names a read-only file system', async () => {
    await using scratch = createScratch();
    mkdirSync(scratch.srv);
    const script = 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && shift && exec "$@"';
    const command = ['unshare', '--mount', 'sh', '-c', script, 'sh', scratch.srv, ...startCommand];
    const { code, output } = await scratch.start({ command }).ended;
    expect(output).toContain(`cannot use ${scratch.srv}/box: the file system is read-only.\n`);
    expect(output).toContain('npm start -- --dir DIRECTORY');
    expect(code).toBe(1);
  });
});

describe.skipIf(isRoot)('npm start in a directory that cannot be written (root may write to any)', () => {
  it('names the directory and what to do', async () => {
    await using scratch = createScratch();
    mkdirSync(scratch.srv, { mode: 0o555 });
    const { code, output } = await scratch.start().ended;
    expect(output).toContain(`cannot use ${scratch.srv}/box: this user may not.\n`);
    expect(code).toBe(1);
    expect(readdirSync(scratch.srv)).toEqual([]);
  });
});
