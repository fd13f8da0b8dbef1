import { join } from 'node:path';
import type { PairFiles } from './seed-files.ts';

export const L7_HOST = 'app.box.test';
export const L4_HOST = 'passthrough.box.test';
/** Has no route at first; the origin's certificate covers it, so that a route added by hand works at once. */
export const SPARE_HOST = 'new.box.test';

/** What one box runs, and where. */
export interface BoxPlan {
  /** Absolute. */
  readonly dir: string;
  readonly port: number;
  readonly metricsPort: number;
  readonly caFile: string;
  /** `backend` is host:port. */
  readonly l7: { readonly backend: string; readonly pair: PairFiles };
  readonly l4: { readonly backend: string };
}

export function socketPath(dir: string): string {
  return join(dir, 'mc-proxy.sock');
}

export function configFile(dir: string): string {
  return join(dir, 'mc-proxy.toml');
}

export function logFile(dir: string): string {
  return join(dir, 'mc-proxy.log');
}

export function databaseFile(dir: string): string {
  return join(dir, 'mc-proxy.db');
}

export function curlFile(dir: string): string {
  return join(dir, 'curlrc');
}

export function envFile(dir: string): string {
  return join(dir, 'env');
}
