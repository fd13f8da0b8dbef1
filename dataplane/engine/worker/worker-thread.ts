import { randomBytes } from 'node:crypto';
import { parentPort, workerData, type MessagePort } from 'node:worker_threads';
import { measureLoopDelay } from '../../../mcdsl/metrics/index.ts';
import { createRateLimiter } from '../../firewall/index.ts';
import { createReactor, whyPortable } from '../../native/index.ts';
import type { ReactorFigures, ReactorListener } from '../../native/native.ts';
import { createBackendPools, createResolver } from '../../proxy/backends/index.ts';
import { ConnectionRegistry } from '../../proxy/connections.ts';
import { createGauges } from '../../proxy/gauges.ts';
import { createRelayer } from '../../proxy/l4/relayer.ts';
import { createTerminator } from '../../proxy/l7/index.ts';
import { createPipeline, type PipelineDeps } from '../../proxy/pipeline.ts';
import { createTables } from '../../proxy/routing/tables.ts';
import { answerCalls, type CallHandlers } from './call-channel.ts';
import type { FromWorker, WorkerBoot } from './messages.ts';
import { createWorkerReporter } from './reporter.ts';

/** A worker of the data plane: the whole life of its connections happens on this thread. It is told what to do by the main thread. */
function runWorker(port: MessagePort, boot: WorkerBoot): void {
  const send = (message: FromWorker): void => port.postMessage(message);
  const reporter = createWorkerReporter(boot.accessLog, (reports) =>
    send({ kind: 'reports', json: JSON.stringify(reports) }),
  );
  const tables = createTables(boot.snapshot, createRateLimiter(boot.limiter));
  const loopDelay = measureLoopDelay();
  const registry = new ConnectionRegistry();
  const reactor = createReactor();
  const resolver = createResolver();
  const pools = createBackendPools({
    down: tables.backendsDown,
    connectFailed: (listener, route, backend, isEjected) => reporter.connectFailed(listener, route, backend, isEjected),
  });
  const listeners = new Map<string, ReactorListener>();
  // An id is an argument of commands: a leading "-" would make an option of it.
  const idPrefix = randomBytes(6).toString('base64url').replace(/^-/, '_');
  const gauges = createGauges(boot.gauges, boot.index, boot.processMax);
  let connections = 0;
  const terminator = createTerminator({
    settings: () => tables.settings,
    reporter,
    resolver,
    slots: gauges,
    pools,
    findRoute: (listener, host) => tables.listener(listener)?.routes.find(host)?.route ?? null,
  });
  const pipeline: PipelineDeps = {
    tables,
    reporter,
    registry,
    terminator,
    relayer: createRelayer(resolver, pools, () => tables.settings),
    gauges,
    nextId: () => `${idPrefix}-${(++connections).toString(36)}`,
  };

  const handlers: CallHandlers = {
    async listen({ addr, endpoint, gauge }) {
      // Asked twice where a listener is opened while this worker replaces a crashed one.
      const open = listeners.get(addr);
      if (open) return { host: open.host, port: open.port };
      const table = tables.listener(addr);
      if (!table) throw new Error(`no listener ${addr} in the snapshot`);
      const listener = await reactor.listen({
        endpoint,
        backlog: 4096,
        helloTimeoutMs: () => tables.settings.helloTimeoutMs,
        handler: createPipeline(pipeline, table, gauge),
      });
      listeners.set(addr, listener);
      return { host: listener.host, port: listener.port };
    },
    async unlisten({ addr }) {
      await listeners.get(addr)?.close();
      listeners.delete(addr);
      return null;
    },
    changes({ changes }) {
      for (const change of changes) {
        for (const route of tables.apply(change)) {
          terminator.retire(route);
          pools.retire(route);
        }
        if (change.kind === 'route_remove' && change.kill) registry.killRoute(change.listener, change.hostname);
      }
      return null;
    },
    collect() {
      const reports = reporter.waiting;
      reporter.flush();
      return {
        tally: reporter.tally.snapshot(),
        loopDelay: loopDelay.read(),
        backends: pools.states(),
        queues: { reports, ...reactorQueues(reactor.figures()) },
      };
    },
    accessLog(settings) {
      reporter.setAccessLog(settings);
      return null;
    },
    connections: (filter) => registry.list(filter),
    killConnection: ({ id }) => registry.kill(id),
    async drain() {
      await Promise.all([...listeners.values()].map((listener) => listener.close()));
      terminator.drain();
      return null;
    },
    kill() {
      registry.killAll();
      return null;
    },
  };
  answerCalls(port, handlers);
  send({ kind: 'ready', engine: reactor.engine, note: whyPortable() });
}

/** Names in the metrics; all 0 on the portable engine, whose connections node holds. */
function reactorQueues({ connections, timers, pipes }: ReactorFigures): Record<string, number> {
  return { reactor_connections: connections, reactor_timers: timers, reactor_pipes: pipes };
}

if (!parentPort) throw new Error('worker-thread.ts runs as a worker only');
runWorker(parentPort, workerData as WorkerBoot);
