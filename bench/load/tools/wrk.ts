import { join } from 'node:path';
import type { Count, Scenario, Site } from '../model.ts';
import { nonZero } from './failures.ts';

/** What wrk 4 prints at its end. A connection that ends before its answer is whole counts as a read error. */
export interface WrkReport {
  readonly answers: number;
  readonly not2xx: number;
  readonly connectErrors: number;
  readonly readErrors: number;
  readonly writeErrors: number;
  readonly timeouts: number;
}

/** @throws when the text is no report of wrk, or of a run that never got to its end */
export function parseWrk(output: string): WrkReport {
  const answers = /^\s*(\d+) requests in /m.exec(output)?.[1];
  if (answers === undefined) throw new Error(`no report of wrk: ${JSON.stringify(output.slice(-300))}`);
  // The line is printed only when a figure in it is not zero.
  const socketErrors = /^\s*Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)$/m.exec(output);
  return {
    answers: Number(answers),
    not2xx: Number(/^\s*Non-2xx or 3xx responses: (\d+)$/m.exec(output)?.[1] ?? 0),
    connectErrors: Number(socketErrors?.[1] ?? 0),
    readErrors: Number(socketErrors?.[2] ?? 0),
    writeErrors: Number(socketErrors?.[3] ?? 0),
    timeouts: Number(socketErrors?.[4] ?? 0),
  };
}

const SCRIPT = 'hello.lua';

/** wrk with a raw ClientHello in the place of a request, each on a connection of its own; what files and load a scenario needs. */
export function rawHelloLoad(
  connections: number | ((site: Site) => number),
  timeoutSeconds = 2,
): Pick<Scenario, 'load'> & { files: NonNullable<Scenario['files']> } {
  return {
    files: ({ helloFile }) => ({ [SCRIPT]: sendFileScript(helloFile) }),
    load: {
      needs: ['wrk'],
      command: (site, { seconds }) => [
        'wrk',
        '-t1',
        `-c${typeof connections === 'number' ? connections : connections(site)}`,
        `-d${seconds}s`,
        `--timeout=${timeoutSeconds}s`,
        '-s',
        join(site.filesDir, SCRIPT),
        `http://127.0.0.1:${site.port}/`,
      ],
    },
  };
}

/** Answers that came whole; anything else is an error. */
export function countAnswers(output: string): Count {
  const { answers, ...failures } = parseWrk(output);
  return { units: answers - failures.not2xx, errors: nonZero(failures) };
}

/**
 * Connections that were reset. wrk meets the reset when it sends the hello or when it reads on, and connects anew. Before a
 * connection stands it can only meet a server that is gone.
 */
export function countResets(output: string): Count {
  const { readErrors, writeErrors, ...failures } = parseWrk(output);
  return { units: readErrors + writeErrors, errors: nonZero(failures) };
}

/**
 * A script for wrk that sends bytes instead of a request, so that a ClientHello goes out on a plain connection and what comes back
 * is read as an HTTP answer: a rate of raw TCP connections by a load tool that others wrote. `bytes` is a Lua expression, evaluated
 * for each connection. wrk parses the very first request to see that it is HTTP, once, before it connects. Works with one thread
 * (-t1).
 */
export function sendScript(set: string, bytes: string): string {
  return `${set}
local verified = false
function request()
  if verified then return ${bytes} end
  verified = true
  return wrk.format()
end
`;
}

/** Sends the bytes of a file. */
export function sendFileScript(file: string): string {
  return sendScript(`${readFile(file)}`, 'bytes');
}

/** Lua that reads the file into `bytes`. */
export function readFile(file: string): string {
  return `local file = assert(io.open(${JSON.stringify(file)}, "rb"))
local bytes = file:read("*a")
file:close()`;
}
