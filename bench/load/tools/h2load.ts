import { WEB_HOST, type Command, type Count, type Site } from '../model.ts';
import { nonZero } from './failures.ts';

/** What h2load prints at its end. */
export interface H2loadReport {
  /** Answers that came whole. */
  readonly succeeded: number;
  readonly failed: number;
  readonly errored: number;
  readonly timeouts: number;
  /** Answers with status 3xx, 4xx or 5xx. */
  readonly not2xx: number;
  /** All bytes that came, headers included, TLS not. */
  readonly receivedBytes: number;
  /** As h2load names it: "h2", "http/1.1"; null when no connection came about. */
  readonly protocol: string | null;
}

/** @throws when the text is no report of h2load */
export function parseH2load(output: string): H2loadReport {
  const requests =
    /^requests: \d+ total, \d+ started, \d+ done, (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout$/m.exec(
      output,
    );
  const status = /^status codes: \d+ 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx$/m.exec(output);
  const traffic = /^traffic: \S+ \((\d+)\) total/m.exec(output)?.[1];
  if (requests === null || status === null || traffic === undefined)
    throw new Error(`no report of h2load: ${JSON.stringify(output.slice(-300))}`);
  return {
    succeeded: Number(requests[1]),
    failed: Number(requests[2]),
    errored: Number(requests[3]),
    timeouts: Number(requests[4]),
    not2xx: Number(status[1]) + Number(status[2]) + Number(status[3]),
    receivedBytes: Number(traffic),
    protocol: /^Application protocol: (\S+)$/m.exec(output)?.[1] ?? null,
  };
}

/** Answers that came whole over the protocol; anything else is an error. */
export function countH2load(output: string, protocol: 'h2' | 'http/1.1'): Count {
  const { succeeded, receivedBytes: _, protocol: found, ...failures } = parseH2load(output);
  const errors = nonZero(failures);
  return { units: succeeded, errors: found === protocol ? errors : [...errors, `protocol ${found}, not ${protocol}`] };
}

/** h2load with one thread against the server of the site, whatever name the address is asked for by. */
export function h2load({ port, direct }: Site, ...args: readonly string[]): Command {
  const address = `127.0.0.1:${port}`;
  return ['h2load', '-t1', ...args, `--connect-to=${address}`, `${direct ? 'http' : 'https'}://${WEB_HOST}:${port}/`];
}
