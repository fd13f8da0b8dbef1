import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { startAdmin } from '../../admin/test/running-admin.ts';
import type { RunningAdmin } from '../../admin/test/running-admin.ts';
import { launcher, runCtl } from './run-ctl.ts';
import type { CtlResult } from './run-ctl.ts';

let running: RunningAdmin;

beforeEach(async () => {
  running = await startAdmin();
});

afterEach(() => running[Symbol.asyncDispose]());

const ctl = (...args: string[]): Promise<CtlResult> => runCtl(['--socket', running.socket, ...args]);

function write(text: string): string {
  const file = join(running.dir, 'changes.toml');
  writeFileSync(file, text);
  return file;
}

const CHANGES = `[[listeners]]
addr = ":443"
[[listeners.routes]]
hostname = "app.example.test"
backend = "10.0.0.8:443"
mode = "l4"
[firewall]
blocked_ips = ["203.0.113.9"]
`;

describe('mcproxyctl apply, confirm and export', () => {
  it('PX-18 shows the differences of a dry run, applies, and has nothing to do the second time', async () => {
    const file = write(CHANGES);
    const lines = ['+ route app.example.test on :443: l4 to 10.0.0.8:443', '+ firewall rule blocked_ip 203.0.113.9'];
    expect(await ctl('apply', file, '--dry-run')).toEqual({
      code: 0,
      stdout: [...lines, '2 differences; nothing was changed (dry run)', ''].join('\n'),
      stderr: '',
    });
    expect((await ctl('apply', file, '--dry-run', '--detailed-exitcode')).code).toBe(2);
    expect(running.state.generation).toBe(0);
    expect(await ctl('apply', file)).toEqual({
      code: 0,
      stdout: [...lines, '2 changes in effect (generation 1)', ''].join('\n'),
      stderr: '',
    });
    expect(await ctl('apply', file, '--dry-run', '--detailed-exitcode')).toMatchObject({
      code: 0,
      stdout: 'no difference\n',
    });
    const json = await ctl('apply', write(''), '--dry-run', '--json');
    expect(JSON.parse(json.stdout)).toMatchObject({
      differences: [
        { change: 'removed', kind: 'route', listener: ':443', name: 'app.example.test', detail: '' },
        { change: 'removed', kind: 'firewall_rule' },
      ],
      total: 2,
      changed: false,
      revert_at: null,
      warnings: [],
    });
  });

  it('PX-18 says until when a change waits, in status too, and confirms it', async () => {
    const applied = await ctl('apply', write(CHANGES), '--confirm-within', '1h');
    expect(applied.stdout).toMatch(
      /2 changes in effect \(generation 1\), taken back at .*Z \(in (1h|59m\d+s)\) unless you run: mcproxyctl confirm\n$/,
    );
    expect((await ctl('status')).stdout).toMatch(/^unconfirmed +generation 1 is taken back at .*mcproxyctl confirm$/m);
    const status = JSON.parse((await ctl('status', '--json')).stdout) as object;
    expect(status).toMatchObject({ unconfirmed: { generation: 1, revert_at: expect.stringMatching(/Z$/) as string } });
    const other = await ctl('firewall', 'block', '--ip', '203.0.113.10');
    expect(other).toMatchObject({ code: 1, stderr: expect.stringContaining('(confirm_pending)') as string });
    expect(await ctl('confirm')).toEqual({ code: 0, stdout: 'the change stays (generation 2)\n', stderr: '' });
    const again = await ctl('confirm');
    expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('(nothing_to_confirm)') as string });
    expect((await ctl('status')).stdout).not.toContain('unconfirmed');
  });

  it('PX-18 exports what apply takes, also through a pipe', async () => {
    await ctl('apply', write(CHANGES));
    const { stdout } = await ctl('export');
    expect(stdout).toContain('hostname = "app.example.test"');
    expect(JSON.parse((await ctl('export', '--json')).stdout)).toEqual({ toml: stdout, generation: 1 });
    const pipe = spawn('bash', [
      '-c',
      'set -o pipefail; "$0" --socket "$1" export | "$0" --socket "$1" apply - --dry-run --detailed-exitcode',
      launcher,
      running.socket,
    ]);
    let printed = '';
    pipe.stdout.on('data', (bytes: Buffer) => (printed += bytes.toString()));
    const [code] = (await once(pipe, 'close')) as [number];
    expect({ code, printed }).toEqual({ code: 0, printed: 'no difference\n' });
  });

  it('prints mistakes as config check does, and exits 78', async () => {
    const file = write(CHANGES.replace('l4', 'l5').replace('203.0.113.9', '203.0.113.999'));
    const { code, stdout, stderr } = await ctl('apply', file);
    expect({ code, stdout }).toEqual({ code: 78, stdout: '' });
    expect(stderr).toContain(`${file}:6:8: error: `);
    expect(stderr).toContain('    6 | mode = "l5"\n      |        ^^^^\n');
    expect(stderr).toContain(`${file}:8:16: error: "203.0.113.999" is not an IP address`);
    expect(stderr).toContain('2 errors');
    const json = await ctl('apply', file, '--json');
    expect(json.code).toBe(78);
    expect(JSON.parse(json.stderr)).toMatchObject({
      error: { code: 'changes_invalid', details: { errors: 2, problems: [{ place: `${file}:6:8` }, {}] } },
    });
    expect(running.state.generation).toBe(0);
  });

  it.each([
    [['apply'], 64, /missing required argument 'file'/],
    [['apply', '/nowhere/changes.toml'], 78, /\/nowhere\/changes.toml: there is no such file/],
    [['apply', 'FILE', '--detailed-exitcode'], 64, /--detailed-exitcode needs --dry-run/],
    [['apply', 'FILE', '--confirm-within', '60'], 64, /is not a duration/],
    [['apply', 'FILE', '--confirm-within', '0s'], 64, /would leave no time/],
    [['apply', 'FILE', '--confirm-within', '10ms'], 1, /not from 1 s to 24 h/],
    [['apply', 'FILE', '--confirm-within', '25h'], 1, /not from 1 s to 24 h/],
    [['connections', 'kill'], 64, /missing required argument 'id'/],
    [['connections', 'kill', 'nobody-1'], 1, /there is no connection "nobody-1".*\(connection_not_found\)/],
    [['connections', 'list', '--limit', '10001'], 1, /10001 is more than the 10000/],
    [['connections', 'list', '--ip', '1.2.3'], 1, /"1.2.3" is not an IP address/],
  ])('%j exits %i', async (args, code, expected) => {
    const file = write(CHANGES);
    const result = await ctl(...args.map((arg) => (arg === 'FILE' ? file : arg)));
    expect(result.code).toBe(code);
    expect(result.stderr).toMatch(expected);
    expect(running.state.generation).toBe(0);
  });
});
