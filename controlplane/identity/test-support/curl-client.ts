import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import type { Body, RestAnswer, RestClient } from './rest-client.ts';
import type { RunningMcias } from './running-mcias.ts';

const run = promisify(execFile);
const quiet = ['--silent', '--show-error', '--path-as-is', '--dump-header', '-', '--max-time', '20'];

/** The same client, by curl: a process for each request, so for what a test has few of. */
export function createCurlClient(curl: string, { url }: Pick<RunningMcias, 'url'>, caFile: string): RestClient {
  const send: RestClient['send'] = async (method, path, body, token, headers = {}) => {
    const text = body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body);
    const given = {
      ...(text === null ? {} : { 'content-type': 'application/json' }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...headers,
    };
    const headerArgs = Object.entries(given).flatMap(([name, value]) => ['--header', `${name}: ${value}`]);
    const bodyArgs = text === null ? [] : ['--data-binary', text];
    const args = [...quiet, '--cacert', caFile, '--request', method, ...headerArgs, ...bodyArgs, `${url}${path}`];
    const { stdout } = await run(curl, args, { maxBuffer: 4 * 1024 * 1024 });
    return parseAnswer(stdout);
  };
  return {
    send,
    post: (path, body, token) => send('POST', path, body, token),
    get: (path, token) => send('GET', path, undefined, token),
    [Symbol.dispose]: () => undefined,
  };
}

function parseAnswer(text: string): RestAnswer {
  const end = text.indexOf('\r\n\r\n');
  const [first = '', ...lines] = text.slice(0, end).split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  const rest = text.slice(end + 4);
  const isJson = headers['content-type']?.includes('json') === true;
  return {
    status: Number(first.split(' ')[1]),
    headers,
    text: rest,
    body: isJson ? (JSON.parse(rest) as Body) : {},
  };
}
