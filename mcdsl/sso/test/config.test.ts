import { describe, expect, it } from 'vitest';
import { z } from 'zod';

import { mciasSection } from '../../auth/index.ts';
import { defineConfig, loadConfigText, section } from '../../config/index.ts';
import { checkHttpServer, httpServerSection, publicUrl, wantsHsts } from '../../http/index.ts';
import { ssoSection } from '../index.ts';

const definition = defineConfig({
  service: 'mcq',
  schema: z.strictObject({ server: httpServerSection(), mcias: mciasSection('mcq'), sso: section(ssoSection()) }),
  check: (config, report) => checkHttpServer(config.server, report),
});

const seeds = `
[server]
listen_addr = ":8443"
grpc_addr = ":9443"
tls_cert = "/srv/mcq/certs/cert.pem"
tls_key = "/srv/mcq/certs/key.pem"
[mcias]
server_url = "https://mcias.metacircular.net:8443"
ca_cert = ""
service_name = "mcq"
tags = []
[sso]
redirect_uri = "https://mcq.svc.mcp.metacircular.net/sso/callback"
`;

function load(text: string) {
  return loadConfigText(definition, { file: 'mcq.toml', text, env: {} });
}

function messages(text: string): string[] {
  const result = load(text);
  return result.ok ? [] : result.problems.map(({ path, message }) => `${path.join('.')}: ${message}`);
}

describe('configuration of a service with pages', () => {
  it("IA-47 loads with the seeds' keys unchanged", () => {
    const result = load(seeds);
    if (!result.ok) throw new Error(JSON.stringify(result.problems));
    expect(result.config.mcias).toEqual({
      server_url: 'https://mcias.metacircular.net:8443',
      ca_cert: '',
      server_name: '',
      service_name: 'mcq',
      tags: [],
      token_file: '',
      cache_ttl: 30_000,
      cache_entries: 10_000,
      timeout: 5_000,
    });
    expect(result.config.sso).toEqual({
      redirect_uri: 'https://mcq.svc.mcp.metacircular.net/sso/callback',
      issuer: '',
    });
    expect(result.config.server.trusted_proxies).toEqual([]);
  });

  it('may leave single sign-on out, or empty', () => {
    for (const text of [seeds.replace(/\[sso\][^[]*/, ''), seeds.replace(/redirect_uri = .*/, 'redirect_uri = ""')]) {
      const result = load(text);
      expect(result.ok && result.config.sso.redirect_uri).toBe('');
    }
  });

  it.each([
    [
      'server_url = "https://mcias.metacircular.net:8443"',
      'server_url = "http://mcias.metacircular.net"',
      'mcias.server_url',
    ],
    ['server_url = "https://mcias.metacircular.net:8443"', 'server_url = "https://a.test/path"', 'mcias.server_url'],
    ['ca_cert = ""', 'cache_ttl = "31s"', 'mcias.cache_ttl'],
    ['tags = []', 'tags = ["A B"]', 'mcias.tags.0'],
    ['sso/callback"', 'sso/callback/"', 'sso.redirect_uri'],
    ['"https://mcq.', '"http://mcq.', 'sso.redirect_uri'],
    ['sso/callback"', 'sso/callback?a=b"', 'sso.redirect_uri'],
    ['tls_key = "/srv/mcq/certs/key.pem"', '', 'server.tls_key'],
    ['tls_key = ', 'tls = "off"\ntls_key = ', 'server.listen_addr'],
    ['tls_key = ', 'trusted_proxies = ["10.0.0.0/33"]\ntls_key = ', 'server.trusted_proxies.0'],
  ])('IA-71 refuses %s turned into %s', (from, to, where) => {
    expect(messages(seeds.replace(from, to)).map((text) => text.split(':')[0])).toContain(where);
  });

  it('IA-71 takes plain HTTP on loopback and private addresses only', () => {
    const off = (listen: string) =>
      messages(seeds.replace(/listen_addr.*\ngrpc_addr.*/, `listen_addr = "${listen}"\ntls = "off"`));
    for (const address of [
      '127.0.0.1:1',
      '[::1]:1',
      'localhost:1',
      '10.88.0.5:1',
      '172.31.0.1:1',
      '192.168.1.1:1',
      '[fd00::1]:1',
    ]) {
      expect([address, off(address)]).toEqual([address, []]);
    }
    for (const address of [
      ':1',
      '0.0.0.0:1',
      '[::]:1',
      '172.32.0.1:1',
      '203.0.113.1:1',
      'app.example.test:1',
      '[2001:db8::1]:1',
    ]) {
      expect(off(address)).toEqual([expect.stringContaining('tls = "off"')]);
    }
  });

  it('knows an origin as browsers write it', () => {
    const url = defineConfig({ service: 'mcq', schema: z.strictObject({ url: publicUrl() }) });
    const isGood = (text: string) =>
      loadConfigText(url, { file: 'a.toml', text: `url = ${JSON.stringify(text)}`, env: {} }).ok;
    expect(['https://a.test', 'https://a.test:8443'].every(isGood)).toBe(true);
    expect(
      ['http://a.test', 'https://a.test/', 'https://A.test', 'https://a.test:443', 'a.test', ''].some(isGood),
    ).toBe(false);
    expect(['https://a.test', 'https://localhost:1', 'https://127.0.0.1', 'https://[::1]:1'].map(wantsHsts)).toEqual([
      true,
      false,
      false,
      false,
    ]);
  });
});
