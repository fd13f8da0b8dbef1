import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { socketPathMaxBytes } from '../../mcdsl/grpc/unix-socket.ts';
import { announcement } from './announce.ts';
import { startDemoOrigins } from './demo-origins.ts';
import { BoxError, unusableFile } from './errors.ts';
import { claimInstance } from './instance.ts';
import { endLeftovers } from './leftovers.ts';
import { parseOptions, usage } from './options.ts';
import { curlFile, envFile, L4_HOST, L7_HOST, socketPath, SPARE_HOST, type BoxPlan } from './plan.ts';
import { preferredPorts, reservePort, savePorts } from './ports.ts';
import { failure, startProxy } from './proxy-process.ts';
import { ensureCa, ensurePair } from './seed-files.ts';
import { verifyPaths } from './verify.ts';
import { curlConfig, shellSettings } from './written-files.ts';

const INTERRUPTED_EXIT_CODE = 130;

/**
 * `npm start`: a box that shows mc-proxy at work on this machine. In order: claim a directory below `srv`, end what a killed start left,
 * seed CA and certificates, two demo origins, free ports, mc-proxy, a request through each path, and a page of what runs where and
 * commands to paste. An aborted signal undoes it.
 * @returns the exit code
 */
async function run(srv: string, signal: AbortSignal): Promise<number> {
  const root = resolve(import.meta.dirname, '../..');
  await using cleanup = new AsyncDisposableStack();

  const instance = claimInstance(srv);
  cleanup.defer(() => instance.release());
  const { dir } = instance;
  refuseLongPath(dir);
  for (const pid of await endLeftovers(srv, instance))
    say(`Ended mc-proxy ${pid}, left over from a start that was killed.`);

  const ca = await ensureCa(join(dir, 'ca'));
  const certs = join(dir, 'certs');
  const l7Pair = await ensurePair(ca, certs, 'app', [L7_HOST]);
  const l4Pair = await ensurePair(ca, certs, 'passthrough', [L4_HOST, SPARE_HOST]);

  const preferred = preferredPorts(dir);
  const origins = cleanup.use(await startDemoOrigins(l4Pair, preferred));
  const proxyPort = cleanup.use(await reservePort(preferred.proxy)).port;
  const metricsPort = cleanup.use(await reservePort(preferred.metrics)).port;
  if (proxyPort !== preferred.proxy) say(`Port ${preferred.proxy} is in use: mc-proxy takes ${proxyPort}.`);
  savePorts(dir, {
    proxy: proxyPort,
    metrics: metricsPort,
    plainOrigin: origins.plainPort,
    tlsOrigin: origins.tlsPort,
  });

  const plan: BoxPlan = {
    dir,
    port: proxyPort,
    metricsPort,
    caFile: ca.file,
    l7: { backend: `127.0.0.1:${origins.plainPort}`, pair: l7Pair },
    l4: { backend: `127.0.0.1:${origins.tlsPort}` },
  };
  writeFileSync(curlFile(dir), curlConfig(plan), { mode: 0o600 });
  writeFileSync(envFile(dir), shellSettings(plan), { mode: 0o600 });
  const proxy = cleanup.use(await startProxy(root, plan, signal));
  const interrupted = whenAborted(signal);
  const checks = await Promise.race([verifyPaths(plan), interrupted.then(() => Promise.reject(signal.reason))]);
  process.stdout.write(announcement(root, plan, proxy.pid, checks));

  const how = await Promise.race([interrupted, proxy.ended]);
  if (how === undefined) {
    say('Stopping; connections in progress get 3 seconds.');
    await cleanup.disposeAsync();
    say('Stopped.');
    return 0;
  }
  throw failure(dir, `mc-proxy ended by itself (${how})`);
}

function refuseLongPath(dir: string): void {
  const surplus = Buffer.byteLength(socketPath(dir)) - socketPathMaxBytes;
  if (surplus <= 0) return;
  throw new BoxError(
    `the path of the admin socket would be ${surplus} bytes too long for a Unix socket: ${socketPath(dir)}`,
    'Give the box a directory with a shorter path: npm start -- --dir DIRECTORY',
  );
}

/** Aborts at the first signal; later ones change nothing, since what is being stopped has its deadlines. */
function abortWhenTold(): AbortSignal {
  const controller = new AbortController();
  const stop = (): void => controller.abort();
  process.on('SIGINT', stop).on('SIGTERM', stop).on('SIGHUP', stop);
  // Nobody reads any more: `npm start | head`, a terminal that is gone.
  process.stdout.on('error', stop);
  process.stderr.on('error', stop);
  return controller.signal;
}

function whenAborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((done) => {
    if (signal.aborted) done(undefined);
    else signal.addEventListener('abort', () => done(undefined), { once: true });
  });
}

/** Progress goes to stderr; stdout has the page alone. */
function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

function report(error: unknown, srv: string, signal: AbortSignal): number {
  if (signal.aborted && error === signal.reason) {
    say('Stopped before it was up.');
    return INTERRUPTED_EXIT_CODE;
  }
  const known = error instanceof BoxError ? error : unusableFile(error, srv);
  say(`npm start: ${known?.message ?? (error instanceof Error ? error.stack : String(error))}`);
  return known?.exitCode ?? 1;
}

async function main(): Promise<number> {
  const signal = abortWhenTold();
  let srv = resolve(import.meta.dirname, '../../srv');
  try {
    const options = parseOptions(process.argv.slice(2), srv);
    if (options.kind === 'help') {
      process.stdout.write(usage);
      return 0;
    }
    srv = options.srv;
    return await run(srv, signal);
  } catch (error) {
    return report(error, srv, signal);
  }
}

process.exitCode = await main();
