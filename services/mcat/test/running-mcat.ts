import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { openCurlBrowser, type Browser, type Page } from '../../../mcdsl/sso/test/curl-browser.ts';
import { freePort } from '../../../mcdsl/test-support/free-port.ts';
import { startProgram, type RunningProgram } from '../../../mcdsl/test-support/running-program.ts';
import type { TestMcias } from '../../test-support/mcias.ts';

export type RunningMcat = AsyncDisposable & {
  readonly folder: string;
  readonly configFile: string;
  readonly origin: string;
  readonly process: RunningProgram;
  browser(): Browser;
  /** Fills the form of a page in and sends it. */
  fill(browser: Browser, path: string, fields: Readonly<Record<string, string>>, ...options: string[]): Promise<Page>;
};

export type McatOptions = {
  /** Whether it has a system token of the account `mcat`. */
  readonly token: boolean;
  /** Lines of the file beside the sections that every test has. */
  readonly more?: string;
  readonly server?: string;
};

export async function startMcat(
  mcias: TestMcias,
  { token, more = '', server = '' }: McatOptions,
): Promise<RunningMcat> {
  await using stack = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), 'mcat-run-'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  await mcias.issuePair(join(folder, 'certs'));
  const tokenFile = join(folder, 'mcat.token');
  if (token) await mcias.issueToken('mcat', tokenFile);
  const port = await freePort();
  const origin = `https://localhost:${port}`;
  const configFile = join(folder, 'mcat.toml');
  writeFileSync(
    configFile,
    `[server]
listen_addr = "127.0.0.1:${port}"
public_url = "${origin}"
tls_cert = "${folder}/certs/cert.pem"
tls_key = "${folder}/certs/key.pem"
shutdown_timeout = "2s"
${server}
${mcias.section(token ? `token_file = "${tokenFile}"\n` : '')}
[admin]
socket = "${folder}/mcat.sock"
[log]
level = "debug"
${more}`,
  );
  const process = stack.use(await startProgram('mcat', configFile));
  const all = stack.move();
  return {
    folder,
    configFile,
    origin,
    process,
    browser: () => openCurlBrowser(folder, [mcias.caPem]),
    async fill(browser, path, fields, ...options) {
      const { csrf } = await browser.open(`${origin}${path}`);
      return browser.submit(`${origin}${path}`, { csrf, ...fields }, ...options);
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

/** What a page says of one login: `Accepted: rule_allow, rule 11`. */
export function verdictOn({ body }: Page): string {
  const [, verdict = ''] = /<h2>(Accepted|Denied)<\/h2>/.exec(body) ?? [];
  const [, reason = ''] = /<p>Reason: <strong>([^<]*)<\/strong>/.exec(body) ?? [];
  return `${verdict}: ${reason}`;
}

/** The rows of the table of presets, a list of cells each. */
export function rowsOn({ body }: Page): string[][] {
  return [...body.matchAll(/<tr>(<td>.*?)<\/tr>/g)].map(([, row = '']) =>
    [...row.matchAll(/<td>(.*?)<\/td>/g)].map(([, cell = '']) => cell),
  );
}
