import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

export type Page = {
  readonly status: number;
  readonly url: string;
  readonly headers: string;
  readonly body: string;
  /** The Set-Cookie lines of the last answer. */
  readonly cookies: readonly string[];
  readonly location: string | null;
  /** The hidden value of its form. */
  readonly csrf: string;
};

/** curl with a cookie jar, which keeps to the rules for `__Host-` and Secure cookies, and says what browsers say of a navigation. */
export type Browser = {
  open(url: string, ...options: readonly string[]): Promise<Page>;
  /** As `open`, following redirects; `status` and `url` are the last's. */
  follow(url: string, ...options: readonly string[]): Promise<Page>;
  submit(url: string, fields: Readonly<Record<string, string>>, ...options: readonly string[]): Promise<Page>;
  cookie(name: string): string | null;
};

const run = promisify(execFile);
let jars = 0;

/** @param folder for its cookies; @param rootPems whom it trusts */
export function openCurlBrowser(folder: string, rootPems: readonly string[]): Browser {
  const id = jars++;
  const jar = join(folder, `jar-${id}`);
  const roots = join(folder, `roots-${id}.pem`);
  writeFileSync(roots, rootPems.join(''));
  writeFileSync(jar, '');
  const request = async (url: string, options: readonly string[]): Promise<Page> => {
    const common = [
      '-sS',
      '-D',
      '-',
      '--ipv4',
      '--http1.1',
      '--max-redirs',
      '10',
      '--cacert',
      roots,
      '-b',
      jar,
      '-c',
      jar,
    ];
    const { stdout } = await run('curl', [...common, '-w', '\n%{url_effective} %{response_code}', ...options, url]);
    const end = stdout.lastIndexOf('\n');
    const [effective = '', status = ''] = stdout.slice(end + 1).split(' ');
    const parts = stdout.slice(0, end).split('\r\n\r\n');
    const last = parts.findLastIndex((part) => /^HTTP\/\S+ \d/.test(part));
    const headers = parts[last] ?? '';
    const body = parts.slice(last + 1).join('\r\n\r\n');
    return {
      status: Number(status),
      url: effective,
      headers,
      body,
      cookies: [...headers.matchAll(/^set-cookie: (.*)$/gim)].map(([, line = '']) => line.trim()),
      location: /^location: (.*)$/im.exec(headers)?.[1]?.trim() ?? null,
      csrf: /csrf(?:="| value=|" value="|=)([\w-]{43})/.exec(body)?.[1] ?? '',
    };
  };
  return {
    open: (url, ...options) => request(url, options),
    follow: (url, ...options) => request(url, ['-L', ...options]),
    submit(url, fields, ...options) {
      const data = Object.entries(fields).flatMap(([field, value]) => ['--data-urlencode', `${field}=${value}`]);
      return request(url, ['-H', 'Sec-Fetch-Site: same-origin', ...data, ...options]);
    },
    cookie(name) {
      const line = readFileSync(jar, 'utf8')
        .split('\n')
        .find((entry) => entry.split('\t')[5] === name);
      return line?.split('\t')[6] ?? null;
    },
  };
}
