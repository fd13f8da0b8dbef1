import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { announcement } from './announce.ts';
import { startDemoOrigins } from './demo-origins.ts';
import { claimInstance } from './instance.ts';
import { freePort } from './ports.ts';
import { L4_HOST, L7_HOST, startProxy, type BoxPlan } from './proxy-process.ts';
import { ensureCa, ensurePair } from './seed-files.ts';
import { verifyPaths } from './verify.ts';

/**
 * `npm start`: a box that shows mc-proxy at work on this machine. In order: claim a directory below ./srv, seed CA and certificates,
 * two demo origins, mc-proxy before them, one request through each path, then a table and commands to paste. Ctrl-C undoes it.
 */
async function run(): Promise<number> {
  const root = resolve(import.meta.dirname, '../..');
  const interrupted = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]).then(() => 'interrupted');
  await using cleanup = new AsyncDisposableStack();

  const instance = claimInstance(join(root, 'srv'));
  cleanup.defer(() => instance.release());

  const caDir = join(instance.dir, 'ca');
  const ca = await ensureCa(caDir);
  const l7Pair = await ensurePair(ca, join(instance.dir, 'certs'), 'app', [L7_HOST]);
  const l4Pair = await ensurePair(ca, join(instance.dir, 'certs'), 'passthrough', [L4_HOST]);

  const origins = cleanup.use(await startDemoOrigins(l4Pair));

  const plan: BoxPlan = {
    dir: instance.dir,
    port: await freePort(8443),
    metricsPort: await freePort(9091),
    l7: { backend: origins.plain, pair: l7Pair },
    l4: { backend: origins.tls },
  };
  const proxy = cleanup.use(await startProxy(root, plan));

  const checks = await verifyPaths(plan.port, ca.file);
  process.stdout.write(announcement(root, plan, ca.file, proxy, checks));

  const end = await Promise.race([interrupted, proxy.ended]);
  if (end === 'interrupted') {
    process.stderr.write('Stopping.\n');
    return 0;
  }
  process.stderr.write(`${end}; its log is ${proxy.log}\n`);
  return 1;
}

try {
  process.exitCode = await run();
} catch (error) {
  process.stderr.write(`npm start failed: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
