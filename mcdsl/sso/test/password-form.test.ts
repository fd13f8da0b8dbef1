import { describe, expect, it } from 'vitest';

import { requireClient } from '../../../deploy/checks/clients.ts';
import { startStandIn } from '../../auth/test/stand-in.ts';
import { openBrowser, startService } from './relying-service.ts';

requireClient('curl');

describe('IA-47 the password form of a service without single sign-on', () => {
  it('logs in with name, password and code, and goes back to the page', async () => {
    await using standIn = await startStandIn();
    await using service = await startService(standIn, { form: true });
    const browser = openBrowser(standIn, service);
    const form = await browser.follow(`${service.origin}/page?q=1`);
    expect(form.url).toBe(`${service.origin}/login?return=%2Fpage%3Fq%3D1`);
    expect(form.body).toContain('name="return" value="/page?q=1"');
    const fields = { csrf: form.csrf, return: '/page?q=1', username: 'ann', password: 'right' };
    const login = `${service.origin}/login`;
    const coded = await browser.submit(login, fields);
    expect(coded.status).toBe(401);
    expect(coded.body).toContain('This account needs its code as well.');
    const wrong = await browser.submit(login, { ...fields, csrf: coded.csrf, password: 'planted-secret' });
    expect(wrong.status).toBe(401);
    expect(wrong.body).toContain('Name, password or code is wrong.');
    expect(wrong.body).not.toContain('planted-secret');
    expect(wrong.body).toContain('value="ann"');
    const done = await browser.submit(login, { ...fields, csrf: wrong.csrf, totp_code: '123456' });
    expect([done.status, done.location]).toEqual([303, '/page?q=1']);
    expect((await browser.open(`${service.origin}/page?q=1`)).body).toContain('Hello ann');
    expect(standIn.calls.filter((call) => call.startsWith('login'))).toEqual(Array(3).fill('login ann 127.0.0.1'));
    expect(JSON.stringify(service.server.logger.lines)).not.toMatch(/planted-secret|123456/);
  });

  it('row 35: takes no form of a foreign page, of no visit, or of another visitor', async () => {
    await using standIn = await startStandIn();
    await using service = await startService(standIn, { form: true });
    const login = `${service.origin}/login`;
    const mine = openBrowser(standIn, service);
    const theirs = openBrowser(standIn, service);
    const { csrf } = await mine.open(login);
    const other = await theirs.open(login);
    const fields = { username: 'ann', password: 'right', totp_code: '123456' };
    const fresh = openBrowser(standIn, service);
    const tries = [
      await fresh.submit(login, { ...fields, csrf }),
      await mine.submit(login, fields),
      await mine.submit(login, { ...fields, csrf: other.csrf }),
      await mine.open(login, '-H', 'Sec-Fetch-Site: cross-site', '-d', `csrf=${csrf}&username=a&password=b`),
      await mine.open(login, '-H', 'Origin: null', '-d', `csrf=${csrf}&username=a&password=b`),
    ];
    expect(tries.map(({ status, body }) => [status, /Reason: (\w+)/.exec(body)?.[1]])).toEqual([
      [403, 'csrf_missing'],
      [403, 'csrf_missing'],
      [403, 'csrf_mismatch'],
      [403, 'csrf_origin'],
      [403, 'csrf_origin'],
    ]);
    expect(standIn.calls).toEqual([]);
    expect(
      (await mine.open(login, '-H', `Origin: ${service.origin}`, '-d', `csrf=${csrf}&username=a&password=b`)).status,
    ).toBe(401);
  });
});
