/** What h2load prints at its end. */
export interface H2loadReport {
  /** Answers that came whole. */
  readonly succeeded: number;
  readonly failed: number;
  readonly errored: number;
  readonly timeouts: number;
  /** Answers with status 3xx, 4xx or 5xx. */
  readonly not2xx: number;
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
  if (requests === null || status === null)
    throw new Error(`no report of h2load: ${JSON.stringify(output.slice(-300))}`);
  return {
    succeeded: Number(requests[1]),
    failed: Number(requests[2]),
    errored: Number(requests[3]),
    timeouts: Number(requests[4]),
    not2xx: Number(status[1]) + Number(status[2]) + Number(status[3]),
    protocol: /^Application protocol: (\S+)$/m.exec(output)?.[1] ?? null,
  };
}
