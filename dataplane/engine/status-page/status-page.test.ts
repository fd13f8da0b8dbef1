import { describe, expect, it } from 'vitest';
import { Event } from '../../../proto/gen/mcproxy/v1/mcproxy.ts';
import { buildClientHello } from '../../proxy/client-hello/test/build-client-hello.ts';
import { startMcProxy } from '../test/running-proxy.ts';
import { fate } from '../test/tcp-peers.ts';
import { statusPage, type StatusSource } from './status-page.ts';

const empty: StatusSource = {
  server: () => ({
    version: '1.2.3',
    engine: 'portable',
    engineNote: 'MC_NATIVE=off',
    workers: 2,
    startedAt: new Date(0),
    state: 'serving',
    configFile: '',
    database: '',
    warnings: ['<b>route</b> & more'],
  }),
  bound: () => [],
  certificates: () => [],
  recentEvents: () => [],
  samples: async () => [],
};

describe('status page', () => {
  it('PX-22 escapes whatever clients sent', async () => {
    const evil = Event.fromPartial({ kind: 'refused', reason: 'no_route', sni: '<script>alert(1)</script>' });
    const { body } = await statusPage({ ...empty, recentEvents: () => [evil] }, 90_000);
    expect(body).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
    expect(body).toContain('&lt;b&gt;route&lt;/b&gt; &amp; more');
    expect(body).not.toContain('<script');
    expect(body).toContain('up 1m');
  });

  it('PX-22 shows at most 50 rows of a table and says how many are left out', async () => {
    const samples = Array.from({ length: 60 }, (_, index) => ({
      name: 'mc_proxy_requests_total',
      labels: { route: `r${index}`, code: '200', protocol: 'http1' },
      value: index,
    }));
    const { body } = await statusPage({ ...empty, samples: async () => samples });
    expect(body).toContain('<td>r59</td>');
    expect(body).not.toContain('<td>r9</td>');
    expect(body).toContain('and 10 more');
  });

  it('PX-22 is served beside /metrics with the figures of the running proxy', async () => {
    await using proxy = await startMcProxy(
      () => `
[[listeners]]
addr = "127.0.0.1:0"
[[listeners.routes]]
hostname = "app.example.test"
backend = "127.0.0.1:1"
mode = "l4"
`,
    );
    await fate(proxy.port('127.0.0.1:0'), buildClientHello('other.example.test'));
    await proxy.refusal('no_route');
    const response = await fetch(`http://127.0.0.1:${proxy.metricsPort}/`);
    const body = await response.text();
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(body).toMatch(/<td>no_route<\/td><td>127\.0\.0\.1:0<\/td><td>1<\/td>/);
    expect(body).toContain('other.example.test');
  });
});
