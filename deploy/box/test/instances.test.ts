import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { findClient } from '../../checks/clients.ts';
import { claimInstance, type Instance } from '../instance.ts';
import { endLeftovers, recordPid } from '../leftovers.ts';
import { createScratch, eventually, processesNaming, proxyPid, proxyPort, type Scratch } from './box.ts';

it('two at once get directories and ports of their own', async () => {
  await using scratch = createScratch();
  const pages = await Promise.all([scratch.start().page, scratch.start().page]);
  expect(readdirSync(scratch.srv).sort()).toEqual(['box', 'box-2']);
  const ports = ['box', 'box-2'].map((name) => JSON.parse(readFileSync(join(scratch.srv, name, 'ports.json'), 'utf8')));
  expect(new Set(ports.flatMap((saved: object) => Object.values(saved))).size).toBe(8);
  expect(new Set(pages.map(proxyPort)).size).toBe(2);
});

it('takes another port than one in use, and says so', async () => {
  await using scratch = createScratch();
  const stranger = createServer();
  stranger.listen(0, '127.0.0.1');
  await once(stranger, 'listening');
  const { port } = stranger.address() as AddressInfo;
  mkdirSync(join(scratch.srv, 'box'), { recursive: true });
  const taken = { proxy: port, metrics: port, plainOrigin: port, tlsOrigin: port };
  writeFileSync(join(scratch.srv, 'box/ports.json'), JSON.stringify(taken));

  const box = scratch.start();
  const page = await box.page;
  expect(proxyPort(page)).not.toBe(port);
  expect(page).toContain(`Port ${port} is in use: mc-proxy takes ${proxyPort(page)}.`);
  box.signal('SIGTERM');
  await box.ended;
  stranger.close();
});

/** PATH with what the launchers need and no setpriv: nothing ends mc-proxy when its box is killed. */
function withoutSetpriv(scratch: Scratch): NodeJS.ProcessEnv {
  const bin = join(scratch.path, 'bin');
  mkdirSync(bin);
  for (const name of ['sh', 'readlink', 'dirname']) symlinkSync(findClient(name)!, join(bin, name));
  return { ...process.env, PATH: bin };
}

it('ends what a killed start has left, and takes its place', async () => {
  await using scratch = createScratch();
  const env = withoutSetpriv(scratch);
  const killed = scratch.start({ env });
  const left = proxyPid(await killed.page);
  killed.kill();
  await killed.ended;
  expect(processesNaming(scratch.path)).toEqual([left]);

  const page = await scratch.start().page;
  expect(page).toContain(`Ended mc-proxy ${left}, left over from a start that was killed.`);
  expect(processesNaming(scratch.path)).not.toContain(left);
  expect(readdirSync(scratch.srv)).toEqual(['box']);
});

it.skipIf(findClient('setpriv') === null)(
  'mc-proxy does not outlive a killed start where there is setpriv',
  async () => {
    await using scratch = createScratch();
    const killed = scratch.start();
    await killed.page;
    killed.kill();
    await killed.ended;
    await eventually(() => processesNaming(scratch.path).length === 0);
  },
);

it('leaves a stranger alone who has the pid of a dead mc-proxy', async () => {
  await using scratch = createScratch();
  const instance = claimInstance(scratch.srv);
  const file = join(instance.dir, 'mc-proxy.pid');
  writeFileSync(file, JSON.stringify({ pid: process.pid, started: '1' }));
  expect(await endLeftovers(scratch.srv, instance)).toEqual([]);
  expect(existsSync(file)).toBe(false);
});

it('ends what other dead instances have left, and touches none that lives', async () => {
  await using scratch = createScratch();
  const [own, dead, living] = [1, 2, 3].map(() => claimInstance(scratch.srv)) as [Instance, Instance, Instance];
  const [left, served] = [sleeper(), sleeper()];
  recordPid(dead.dir, left.pid!);
  recordPid(living.dir, served.pid!);
  dead.release();
  expect(await endLeftovers(scratch.srv, own)).toEqual([left.pid]);
  served.kill('SIGTERM');
  await once(served, 'exit');
  expect(served.signalCode).toBe('SIGTERM');
});

function sleeper(): ChildProcess {
  return spawn('sleep', ['300'], { stdio: 'ignore' });
}
