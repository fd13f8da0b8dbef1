import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { startMcias, type TestMcias } from '../../test-support/mcias.ts';
import { repositoryRoot } from '../../../mcdsl/test-support/running-program.ts';
import { addExamples, examples, type Example } from './examples.ts';

const stack = new AsyncDisposableStack();
let mcias: TestMcias;
let config: string;
let files = 0;

beforeAll(async () => {
  mcias = stack.use(await startMcias('[policy]\nexplain_accounts = ["mcat"]\n'));
  await addExamples(mcias);
  const tokenFile = join(mcias.folder, 'mcat.token');
  await mcias.issueToken('mcat', tokenFile);
  config = writeFile(mcias.section(`token_file = "${tokenFile}"\n`));
});
afterAll(() => stack.disposeAsync());

function writeFile(content: string): string {
  const file = join(mcias.folder, `file-${files++}.toml`);
  writeFileSync(file, content);
  return file;
}

function casesText(rows: readonly Example[]): string {
  return rows
    .map(({ account, service, tags, expect: wanted, reason, rule }) =>
      [
        '[[cases]]',
        `account = "${account}"`,
        `service_name = "${service}"`,
        `tags = ${JSON.stringify(tags)}`,
        `expect = "${wanted}"`,
        `reason = "${reason}"`,
        ...(rule === null ? [] : [`rule = ${rule}`]),
      ].join('\n'),
    )
    .join('\n');
}

async function run(cases: string, ...options: readonly string[]) {
  const args = ['--config', config, 'run', writeFile(cases), ...options];
  const child = spawn(join(repositoryRoot, 'bin/mcat'), args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { code: code as number, stdout, stderr };
}

describe('mcat run', () => {
  it('IA-95 the twelve examples hold: exit code 0 and a line each', async () => {
    const { code, stdout, stderr } = await run(casesText(examples));
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.match(/^ok /gm)).toHaveLength(12);
    expect(stdout).toMatch(/12 cases, 0 differ\n$/);
  });

  it('IA-95 one that differs, in effect, reason or rule, ends with 2 and is named', async () => {
    const [first, second, third] = examples as readonly [Example, Example, Example];
    const wrong = [
      first,
      { ...second, expect: 'deny' as const },
      { ...third, rule: 11 },
      { ...third, account: 'nobody' },
    ];
    const { code, stdout } = await run(casesText(wrong), '--json');
    expect(code).toBe(2);
    const answer = JSON.parse(stdout) as { ok: boolean; differ: number; results: Record<string, unknown>[] };
    expect({ ok: answer.ok, differ: answer.differ }).toEqual({ ok: false, differ: 3 });
    expect(answer.results.map(({ ok, got, got_reason, got_rule }) => [ok, got, got_reason, got_rule])).toEqual([
      [true, 'allow', 'rule_allow', 1],
      [false, 'allow', 'rule_allow', 11],
      [false, 'deny', 'rule_deny', 10],
      [false, 'error', 'not_found', null],
    ]);
  });

  it('a file with a mistake is told by its place, and nothing is asked', async () => {
    const { code, stderr } = await run('[[cases]]\naccount = "ann-user"\nservice = "mcq"\nexpect = "allow"\n');
    expect(code).toBe(78);
    expect(stderr).toMatch(/:3:1.*service/s);
    expect(stderr).toContain('service_name');
  });

  it('a token that may not explain is refused, and a mcias that is away ends with 3', async () => {
    await mcias.addService('stranger');
    const tokenFile = join(mcias.folder, 'stranger.token');
    await mcias.issueToken('stranger', tokenFile);
    const before = config;
    config = writeFile(mcias.section(`token_file = "${tokenFile}"\n`));
    const refused = await run(casesText(examples));
    expect({ code: refused.code, said: refused.stderr.includes('explain_accounts') }).toEqual({ code: 1, said: true });
    config = writeFile(`[mcias]\nserver_url = "https://127.0.0.1:1"\nca_cert = "${mcias.caFile}"\n`);
    const away = await run(casesText(examples));
    expect({ code: away.code, stdout: away.stdout }).toEqual({ code: 3, stdout: '' });
    config = before;
  });
});
