import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requireClient } from '../../checks/clients.ts';
import { createScratch, eventually, printedCommands, processesNaming, root, type Box, type Scratch } from './box.ts';
import { runShell } from './shell.ts';

requireClient('curl', 'openssl');

/** Every command of the page, in its order, with what it has to say. */
const expected: readonly (readonly [RegExp, RegExp])[] = [
  [/^curl \S.* https:\/\/app\./, /^Hello from the plain HTTP origin\.$[^]*^x-forwarded-for: 127\.0\.0\.1$/m],
  [/^curl \S.* -A zgrab.* https:\/\/app\./, /^ua_blocked: /],
  [/^curl \S.* https:\/\/passthrough\./, /^Hello from the origin with its own TLS\.$/m],
  [/^openssl s_client /, /^Protocol version: TLSv1\.3$[^]*^Verification: OK$/m],
  [/^bin\/mcproxyctl .* status$/, /127\.0\.0\.1:\d+/],
  [/ routes list$/, /app\.box\.test[^]*passthrough\.box\.test/],
  [/ routes add /, /new\.box\.test/],
  [/^curl \S.* https:\/\/new\./, /^Hello from the origin with its own TLS\.$/m],
  [/ firewall block /, /198\.51\.100\.0\/24/],
  [/ explain /, /blocked_cidr/],
  [/ events --follow$/, /ua_blocked/],
];

describe('npm start', () => {
  let scratch: Scratch;
  let box: Box;
  let page: string;

  beforeAll(async () => {
    scratch = createScratch();
    box = scratch.start({ command: ['npm', '--silent', 'start', '--'] });
    page = await box.page;
  });
  afterAll(() => scratch[Symbol.asyncDispose]());

  it('has checked each path, and says what runs where', async () => {
    const statusPage = /^ {2}status page +(http\S+)/m.exec(page)![1]!;
    for (const url of [statusPage, `${statusPage}metrics`]) expect((await fetch(url)).status).toBe(200);
    expect(page.match(/^ {2}ok {2}.*/gm)).toHaveLength(5);
    for (const name of ['mc-proxy.toml', 'mc-proxy.log', 'mc-proxy.sock', 'ca/ca.pem', 'curlrc']) {
      expect(page).toContain(join(scratch.srv, 'box', name));
      expect(existsSync(join(scratch.srv, 'box', name)), name).toBe(true);
    }
  });

  it('prints commands that work as they are, every one', { timeout: 60_000 }, async () => {
    const commands = printedCommands(page);
    expect(commands).toHaveLength(expected.length);
    for (const [index, command] of commands.entries()) {
      const [form, answer] = expected[index]!;
      expect(command).toMatch(form);
      const follows = command.endsWith('--follow');
      // With exec its exit code comes through; sh itself would die of the Ctrl-C.
      const { code, stdout, stderr } = follows
        ? await runShell(`exec ${command}`, root, 'ua_blocked')
        : await runShell(command, root);
      expect(stdout + stderr, command).toMatch(answer);
      expect(code, `${command}\n${stdout}${stderr}`).toBe(follows ? 130 : 0);
    }
  });

  it('ends at Ctrl-C: no process, no lock, exit code 0', async () => {
    box.signal('SIGINT');
    const { code, output } = await box.ended;
    expect(output).toMatch(/Stopping.*\nStopped\.\n$/);
    expect(code).toBe(0);
    await eventually(() => processesNaming(scratch.path).length === 0);
    for (const name of ['lock', 'mc-proxy.pid', 'mc-proxy.sock']) {
      expect(existsSync(join(scratch.srv, 'box', name)), name).toBe(false);
    }
  });

  it('starts again with the same CA, the same ports and the route that was added; SIGTERM ends it too', async () => {
    const ca = readFileSync(join(scratch.srv, 'box/ca/ca.pem'), 'utf8');
    const again = scratch.start();
    const secondPage = await again.page;
    expect(readFileSync(join(scratch.srv, 'box/ca/ca.pem'), 'utf8')).toBe(ca);
    expect(printedCommands(secondPage)).toEqual(printedCommands(page));
    const added = printedCommands(secondPage).find((command) => command.includes('https://new.'))!;
    expect((await runShell(added, root)).stdout).toContain('its own TLS');

    again.signal('SIGTERM');
    expect((await again.ended).code).toBe(0);
    expect(processesNaming(scratch.path)).toEqual([]);
    expect(existsSync(join(scratch.srv, 'box/lock'))).toBe(false);
  });
});

describe('npm start, interrupted or misused', () => {
  it('is undone when it is interrupted before it is up', async () => {
    await using scratch = createScratch();
    const box = scratch.start();
    await eventually(() => existsSync(join(scratch.srv, 'box/mc-proxy.pid')));
    box.signal('SIGINT');
    const { code, output } = await box.ended;
    expect(output).toMatch(/Stopped( before it was up)?\.\n$/);
    expect([0, 130]).toContain(code);
    expect(processesNaming(scratch.path)).toEqual([]);
    expect(existsSync(join(scratch.srv, 'box/lock'))).toBe(false);
  });

  it('stops when nobody reads its output any more', async () => {
    await using scratch = createScratch();
    const start = `exec ${process.execPath} deploy/box/start.ts --dir ${scratch.srv}`;
    expect((await runShell(`(${start}) | true`, root)).stderr).toMatch(/Stopping.*\nStopped\.\n$/);
    await eventually(() => processesNaming(scratch.path).length === 0);
    expect(existsSync(join(scratch.srv, 'box/lock'))).toBe(false);
  });

  it('says what mc-proxy said when that ends by itself', async () => {
    await using scratch = createScratch();
    const box = scratch.start();
    const pid = Number(/ process (\d+)$/m.exec(await box.page)![1]);
    process.kill(pid, 'SIGKILL');
    const { code, output } = await box.ended;
    expect(code).toBe(1);
    expect(output).toMatch(/npm start: mc-proxy ended by itself \(SIGKILL\)\. The end of its log:\n {2}\{/);
    expect(output).toContain(`All of it: ${join(scratch.srv, 'box/mc-proxy.log')}`);
    expect(existsSync(join(scratch.srv, 'box/lock'))).toBe(false);
  });
});
