import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { STREAM_BYTES, streamBackend } from '../backends.ts';
import { checkStream, checkStreamUp } from '../checks.ts';
import { createSite, layGround, writeFiles, type Ground } from '../ground.ts';
import type { Site } from '../model.ts';
import { runLoad, startServer } from '../processes.ts';
import { scenario } from '../scenarios/l4-stream.ts';
import { scenario as up } from '../scenarios/l4-stream-up.ts';

const never = new AbortController().signal;

let ground: Ground;
beforeAll(async () => {
  ground = await layGround();
  await writeFiles(ground, scenario);
  await writeFiles(ground, up);
});
afterAll(() => ground[Symbol.dispose]());

async function startBackend(site: Site, direction: 'down' | 'up' = 'down') {
  const command = streamBackend(direction).command(site, '');
  return startServer({ command, port: site.port, logFile: join(site.dir, 'log'), signal: never });
}

function commandOf(site: Site, seconds: number) {
  return scenario.load.command(site, { seconds, rate: null });
}

describe('BE-4 streams', () => {
  it('come whole, and only whole ones are counted', async () => {
    const site = await createSite(ground, scenario, 'whole');
    await using _backend = await startBackend(site);
    await checkStream(site);
    const { stdout } = await runLoad(commandOf(site, 0), { seconds: 0, signal: never });
    // The time is over at once, so each connection reads one stream.
    expect(scenario.count(stdout, site)).toEqual({ units: (4 * STREAM_BYTES) / 1e9, errors: [] });
  });

  it('go up whole, as the backend tells', async () => {
    const site = await createSite(ground, up, 'whole');
    await using _backend = await startBackend(site, 'up');
    await checkStreamUp(site);
    const { stdout } = await runLoad(up.load.command(site, { seconds: 0, rate: null }), { seconds: 0, signal: never });
    expect(up.count(stdout, site)).toEqual({ units: (4 * STREAM_BYTES) / 1e9, errors: [] });
  });

  it('that break off are errors, and no units', async () => {
    await using server = createServer((socket) => socket.resume().end('too little'));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const site = { ...(await createSite(ground, scenario, 'short')), port: (server.address() as AddressInfo).port };
    const { stdout } = await runLoad(commandOf(site, 5), { seconds: 5, signal: never });
    const { units, errors } = scenario.count(stdout, site);
    expect(units).toBe(0);
    expect(errors).toContain(`ended after 10 bytes of ${STREAM_BYTES}`);
    await expect(checkStream(site)).rejects.toThrow('bytes of the stream: 10 instead of');
  });

  it('have no server that ended unnoticed', async () => {
    const site = await createSite(ground, scenario, 'ended');
    await using backend = await startBackend(site);
    process.kill(backend.pid, 'SIGKILL');
    await expect(backend.failure).rejects.toThrow('was ended by SIGKILL');
    await expect(
      startServer({ command: ['/nowhere/server'], port: 9, logFile: join(site.dir, 'log'), signal: never }),
    ).rejects.toThrow('/nowhere/server cannot be started');
  });

  it('have loads that can be ended', async () => {
    const site = await createSite(ground, scenario, 'aborted');
    await using _backend = await startBackend(site);
    const abort = new AbortController();
    const run = runLoad(commandOf(site, 60), { seconds: 60, signal: abort.signal });
    abort.abort(new Error('enough'));
    await expect(run).rejects.toThrow('enough');
    const failing = spawn('false');
    await once(failing, 'exit');
    await expect(runLoad(['false'], { seconds: 1, signal: never })).rejects.toThrow('false ended with exit code 1');
  });
});
