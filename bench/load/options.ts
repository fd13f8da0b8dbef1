import { parseArgs } from 'node:util';
import { messageOf } from '../../mcdsl/errors/index.ts';
import type { RunSettings } from './results.ts';

export interface BenchOptions {
  readonly settings: RunSettings;
  /** Empty: all of them. */
  readonly scenarios: readonly string[];
  readonly gate: boolean;
  /** Files to write, or null. */
  readonly json: string | null;
  readonly html: string | null;
  readonly markdown: string | null;
}

export type ParsedOptions =
  | { readonly kind: 'run'; readonly options: BenchOptions }
  | { readonly kind: 'help' }
  | { readonly kind: 'usage'; readonly problem: string };

export const USAGE = `usage: npm run bench [-- [SCENARIO…] [OPTIONS]]

  --rounds N       how often each server is measured, in turn (5)
  --seconds N      how long each load lasts (5)
  --warm-up N      seconds of load on each server before the first round (3)
  --workers N      workers or threads of each server (1: load and backend need the other cores)
  --engine NAME    native (as installed) or portable (ours without its native core)
  --gate           compare with bench/gates.json; exit 1 with a table of what falls behind
  --json FILE      write everything measured
  --html FILE      write a report with the ratios of each round and the scale curves
  --markdown FILE  write the tables as a page, as docs/PERFORMANCE.md
`;

const MAX_SETTING = 3600;

/** Never throws: what is wrong comes back in words. */
export function parseOptions(args: readonly string[]): ParsedOptions {
  try {
    return readOptions(args);
  } catch (error) {
    return { kind: 'usage', problem: messageOf(error) };
  }
}

function readOptions(args: readonly string[]): ParsedOptions {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '5' },
      'warm-up': { type: 'string', default: '3' },
      workers: { type: 'string', default: '1' },
      engine: { type: 'string', default: 'native' },
      html: { type: 'string' },
      gate: { type: 'boolean', default: false },
      json: { type: 'string' },
      markdown: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return { kind: 'help' };
  const settings = {
    rounds: positive('--rounds', values.rounds),
    seconds: positive('--seconds', values.seconds),
    warmUpSeconds: positive('--warm-up', values['warm-up']),
    workers: positive('--workers', values.workers),
    engine: engineOf(values.engine),
  };
  const { gate, json = null, html = null, markdown = null } = values;
  return { kind: 'run', options: { settings, scenarios: positionals, gate, json, html, markdown } };
}

function engineOf(text: string): RunSettings['engine'] {
  if (text !== 'native' && text !== 'portable') throw new Error(`--engine is native or portable: ${text}`);
  return text;
}

function positive(name: string, text: string): number {
  const value = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (value < 1 || value > MAX_SETTING)
    throw new Error(`${name} takes a whole number from 1 to ${MAX_SETTING}: ${text}`);
  return value;
}
