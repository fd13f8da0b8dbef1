import { describe, expect, it } from 'vitest';

import { requireClient } from '../../../deploy/checks/clients.ts';
import { curl, startServer } from '../../http/test/fixture.ts';
import { baseStylesheet, createAssets, createTemplates } from '../index.ts';

requireClient('curl');

describe('web pages', () => {
  it('are escaped, and stand in the shared layout', () => {
    const templates = createTemplates(new URL('./pages/', import.meta.url), { service: 'A & B', stylesheet: '/a.css' });
    const page = templates.render('hello', { name: '<script>alert(1)</script>' });
    expect(page).toContain('<title>Hello – A &amp; B</title>');
    expect(page).toContain('<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>');
    expect(page).toContain('<link rel="stylesheet" href="/a.css">');
  });

  it('have files with their hash in the name, kept for ever, answered by 304 when known', async () => {
    const assets = createAssets({ 'base.css': baseStylesheet });
    await using server = await startServer([assets.api]);
    const url = assets.url('base.css');
    expect(url).toMatch(/^\/assets\/base\.[0-9a-f]{16}\.css$/);
    const first = await curl(server, url);
    expect([first.status, first.headers.get('content-type')]).toEqual([200, 'text/css; charset=utf-8']);
    expect(first.headers.get('cache-control')).toContain('immutable');
    const etag = first.headers.get('etag')!;
    for (const given of [etag, `W/${etag}`, `"x", ${etag}`]) {
      const again = await curl(server, url, '-H', `If-None-Match: ${given}`);
      expect([again.status, again.body]).toEqual([304, '']);
    }
    expect((await curl(server, url, '-H', 'If-None-Match: "x"')).status).toBe(200);
    expect((await curl(server, '/assets/../package.json', '--path-as-is')).status).toBe(404);
  });

  it('have no file that nobody knows', () => {
    expect(() => createAssets({}).url('a.css')).toThrow('no asset is named a.css');
    expect(() => createAssets({ 'a.exe': baseStylesheet })).toThrow(/not served/);
  });
});
