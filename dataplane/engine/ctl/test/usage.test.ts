import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';

import { describe, expect, it } from 'vitest';

import { version } from '../../version.ts';
import { runCli } from '../cli.ts';
import { runCtl } from './run-ctl.ts';
import type { CtlResult } from './run-ctl.ts';

/** As runCtl, in this process: a wrong command line and a page of help need no server. */
async function runHere(argv: readonly string[]): Promise<CtlResult> {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const code = await runCli(argv, { stdout, stderr } as unknown as Parameters<typeof runCli>[1], version);
  stdout.end();
  stderr.end();
  return { code, stdout: await text(stdout), stderr: await text(stderr) };
}

describe('the usage of mcproxyctl', () => {
  const wrong: readonly [string, string][] = [
    ['', 'Commands:'],
    ['routes', 'Commands:'],
    ['rotes list', "unknown command 'rotes'"],
    ['routes ls', "unknown command 'ls'"],
    ['status extra', 'too many arguments'],
    ['status --jsn', 'Did you mean --json?'],
    ['routes add --hostname a.test --mode l4', "required option '--backend, --backends"],
    ['routes add --hostname a.test --backend a:1', "required option '--mode"],
    ['routes add --hostname a.test --backend a:1 --mode l5', 'Allowed choices are l4, l7'],
    ['routes remove', "required option '--hostname"],
    ['firewall block', 'exactly one of --ip, --cidr, --country'],
    ['firewall block --ip 1.2.3.4 --country DE', 'exactly one of'],
    ['firewall allow', "required option '--cidr"],
    ['firewall rate', 'either --limit, or --reset'],
    ['firewall rate --limit 1 --reset', 'either --limit, or --reset'],
    ['firewall rate --window 5s', '--window needs --limit'],
    ['firewall rate --limit 1 --window 5parsecs', 'write it like 500ms'],
    ['firewall rate --limit -1', 'not a whole number'],
    ['policies add --hostname a.test', 'exactly one of --block-user-agent, --require-header'],
    ['explain', "required option '--ip"],
    ['events --last many', 'not a whole number'],
    ['--socket', 'argument missing'],
  ];
  it.each(wrong)('exits 64 for %j', async (line, words) => {
    const { code, stdout, stderr } = await runHere(line === '' ? [] : line.split(' '));
    expect({ code, stdout }).toEqual({ code: 64, stdout: '' });
    expect(stderr).toContain(words);
  });

  it('exits 64 with JSON on standard error where asked for', async () => {
    const { code, stderr } = await runHere(['--json', 'firewall', 'block']);
    expect(code).toBe(64);
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'usage', message: expect.stringContaining('--ip') } });
  });

  it('exits 64 and 0 as a process too', async () => {
    expect(await runCtl(['status', 'extra'])).toMatchObject({ code: 64, stdout: '' });
    expect(await runCtl(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  });

  const commands = [
    '',
    'status',
    'listeners',
    'stats',
    'drain',
    'routes list',
    'routes add',
    'routes remove',
    'firewall show',
    'firewall block',
    'firewall unblock',
    'firewall allow',
    'firewall disallow',
    'firewall rate',
    'policies list',
    'policies add',
    'policies remove',
    'explain',
    'events',
    'certs list',
    'certs reload',
    'connections list',
    'connections kill',
    'apply',
    'confirm',
    'export',
  ];
  it.each(commands)('explains "%s" on a page with an example of that command', async (command) => {
    const words = command.split(' ').filter((word) => word !== '');
    const { code, stdout, stderr } = await runHere([...words, '--help']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain(`Usage: mcproxyctl ${command}`);
    expect(stdout).toContain(`\nExample:\n  $ mcproxyctl ${command}`);
    expect(stdout).toContain('--socket <path>');
  });
});
