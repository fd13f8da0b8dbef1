import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { requireClient } from '../../deploy/checks/clients.ts';

requireClient('prlimit');

const MAIN = join(import.meta.dirname, 'main.ts');
const SETTINGS = ['--connections', '1000', '--seconds', '30', '--seed', '1'];

/** Every kind of connection at random, and afterwards nothing is left: no descriptor, slot, timer, pipe or relay. */
describe('PX-25 a reactor under connections of every behaviour', () => {
  it.each([
    { name: 'native where it is built', env: {}, within: [] },
    { name: 'portable', env: { MC_NATIVE: 'off' }, within: [] },
    { name: 'out of descriptors', env: {}, within: ['prlimit', '--nofile=1200:1200'] },
  ])('$name', async ({ env, within }) => {
    const [file = '', ...args] = [...within, process.execPath, MAIN, ...SETTINGS];
    const { stdout } = await promisify(execFile)(file, args, { env: { ...process.env, ...env } });
    expect(JSON.parse(stdout)).toMatchObject({
      left: { connections: 0, timers: 0, pipes: 0, relays: 0, descriptors: 0 },
    });
  });
});
