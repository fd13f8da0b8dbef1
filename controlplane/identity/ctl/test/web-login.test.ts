import { mkdtempSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';

import { requireClient } from '../../../../deploy/checks/clients.ts';
import { fillLogin } from '../../pages/test/steps.ts';
import { openChromium } from '../../test-support/browser.ts';
import { startMcias } from '../../test-support/mcias.ts';
import { runCli } from '../cli.ts';
import { openLoginFile } from '../login-file.ts';

requireClient('/usr/bin/chromium', 'certutil');

it('IA-47 login --web signs on through the browser and a port of the loopback', async () => {
  await using mcias = await startMcias();
  await mcias.addPerson('ann', ['user']);
  await using chromium = await openChromium([mcias.server.tls.caPath]);
  const home = mkdtempSync(join(tmpdir(), 'mciasctl-'));
  process.env['XDG_CONFIG_HOME'] = home;
  try {
    const stderr = new PassThrough();
    const streams = { stdout: new PassThrough() as unknown as Socket, stderr: stderr as unknown as Socket };
    const args = ['--server', mcias.origin, '--ca-cert', mcias.server.tls.caPath, 'login', '--web'];
    const told = new Promise<string>((resolve) => {
      stderr.on('data', (text: Buffer) => {
        const url = /https:\S+/.exec(String(text))?.[0];
        if (url !== undefined) resolve(url);
      });
    });
    const running = runCli(args, streams, '1.2.3');
    const profile = await chromium.profile();
    await profile.page.goto(await told);
    await fillLogin(profile, 'ann');
    expect(await running).toBe(0);
    expect(openLoginFile({ XDG_CONFIG_HOME: home }).read()).toMatchObject({ account: 'ann', server: mcias.origin });
  } finally {
    delete process.env['XDG_CONFIG_HOME'];
    rmSync(home, { recursive: true, force: true });
  }
});
