import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { STREAM_BYTES, streamBackend } from '../backends.ts';
import { checkStream } from '../checks.ts';
import { createSite, layGround, type Ground } from '../ground.ts';
import type { Site } from '../model.ts';
import { runLoad, startServer } from '../processes.ts';
import { scenario } from '../scenarios/l4-stream.ts';

const never = new AbortController().signal;

let ground: Ground;
beforeAll(async () => {
  ground = await layGround();
});
afterAll(() => ground[Symbol.dispose]());

async function startBackend(site: Site) {
  const command = streamBackend.command(site, '');
  return startServer({ command, port: site.port, logFile: join(site.dir, 'log'), signal: never });
}

describe('BE-4 streams', () => {
  it('come whole, and only whole ones are counted', async () => {
    const site = await createSite(ground, scenario, 'whole');
    await using _backend = await startBackend(site);
    await checkStream(site);
    const { stdout } = await runLoad(scenario.load.command(site, 0), 0, {}, never);
    // The time is over at once, so each connection reads one stream.
    expect(scenario.count(stdout)).toEqual({ units: (4 * STREAM_BYTES) / 1e9, errors: [] });
  });

  it('that break off are errors, and no units', async () => {
    await using server = createServer((socket) => socket.resume().end('too little'));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const site = { ...(await createSite(ground, scenario, 'short')), port: (server.address() as AddressInfo).port };
    const { stdout } = await runLoad(scenario.load.command(site, 5), 5, {}, never);
    const { units, errors } = scenario.count(stdout);
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
    const run = runLoad(scenario.load.command(site, 60), 60, {}, abort.signal);
    abort.abort(new Error('enough'));
    await expect(run).rejects.toThrow('enough');
    const failing = spawn('false');
    await once(failing, 'exit');
    await expect(runLoad(['false'], 1, {}, never)).rejects.toThrow('false ended with exit code 1');
  });
});
