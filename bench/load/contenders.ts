import { writeFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSite, type Ground } from './ground.ts';
import type { Contestant, Scenario, Site } from './model.ts';
import { startServer, type Server } from './processes.ts';
import { contenderId, type Contender, type RunSettings } from './results.ts';

/** A contender whose server has been started. */
export interface RunningContender extends Contender {
  readonly site: Site;
  readonly server: Server;
}

export interface StartDeps {
  readonly ground: Ground;
  readonly settings: RunSettings;
}

export interface RunningBackend {
  readonly server: Server;
  readonly port: number;
}

export async function startBackend(
  scenario: Scenario,
  { ground }: StartDeps,
  signal: AbortSignal,
): Promise<RunningBackend | null> {
  const { backend } = scenario;
  if (backend === undefined) return null;
  const site = await createSite(ground, scenario, 'backend');
  const text = backend.config?.(site);
  const config = text === undefined ? '' : join(site.dir, 'config');
  if (text !== undefined) writeFileSync(config, text);
  const command = backend.command(site, config);
  const server = await startServer({ command, port: site.port, logFile: join(site.dir, 'log'), signal });
  return { server, port: site.port };
}

export async function startContender(
  scenario: Scenario,
  { name, size, contestant }: { name: string; size: number; contestant: Contestant },
  backendPort: number,
  { ground, settings: { workers, engine } }: StartDeps,
  signal: AbortSignal,
): Promise<RunningContender> {
  const site = await createSite(ground, scenario, name, { backendPort, workers, size });
  const { server: kind, config } = contestant;
  const file = join(site.dir, kind.configName);
  writeFileSync(file, config(site));
  await contestant.prepare?.(site);
  const portable = name === 'ours' && engine === 'portable' ? { MC_NATIVE: 'off' } : {};
  const server = await startServer({
    command: kind.run(file),
    port: site.port,
    logFile: join(site.dir, 'log'),
    env: { ...kind.env?.(site), ...portable },
    signal,
  });
  return { id: contenderId(name, size), name, size, site, server };
}

/** The backend itself as a contender, to know what a server adds. */
export async function directContender(
  scenario: Scenario,
  size: number,
  backend: RunningBackend,
  { ground }: StartDeps,
): Promise<RunningContender> {
  const site = await createSite(ground, scenario, 'direct', { backendPort: backend.port, size, direct: true });
  return { id: contenderId('direct', size), name: 'direct', size, site, server: backend.server };
}

/** From the log line that tells that the server is ready. */
export function engineOf({ site }: RunningContender): string {
  return /"engine":"(\w+)"/.exec(readFileSync(join(site.dir, 'log'), 'utf8'))?.[1] ?? 'unknown';
}
