import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { repositoryRoot } from '../../checks/source-files.ts';
import { exampleFiles, parseExample, placeExample, readExample } from './example-files.ts';

/** What `config check` may say of an example, by its path; the tests bring no GeoIP database. */
const warnings: Readonly<Record<string, readonly RegExp[]>> = {
  'svc/srv/mc-proxy/mc-proxy.toml': [/GeoLite2-Country\.mmdb cannot be read \(ENOENT\)$/],
};

const checkAnswer = z.object({
  ok: z.boolean(),
  problems: z.array(z.object({ severity: z.string(), message: z.string() })),
});

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'mc-examples-'));
});
afterEach(() => rmSync(root, { recursive: true }));

const files = exampleFiles();
const edge = readExample('svc/srv/mc-proxy/mc-proxy.toml');
const origin = readExample('rift/srv/mc-proxy/mc-proxy.toml');

describe('example configurations', () => {
  it('lie where their service looks for them', () => {
    expect(files).toEqual(expect.arrayContaining([edge.path, origin.path]));
    for (const path of files) expect(path).toMatch(/^[a-z]+\/srv\/([a-z-]+)\/\1\.toml$/);
  });

  it.each(files)('PF-16 %s passes config check', async (path) => {
    const example = readExample(path);
    const config = await placeExample(example, root);
    const program = join(repositoryRoot, 'bin', example.service);
    const { status, stdout, stderr } = spawnSync(program, ['config', 'check', '--json', '--config', config], {
      encoding: 'utf8',
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const { ok, problems } = checkAnswer.parse(JSON.parse(stdout));
    expect(ok).toBe(true);
    const expected = warnings[path] ?? [];
    expect(problems.map(({ severity }) => severity)).toEqual(expected.map(() => 'warning'));
    for (const [i, pattern] of expected.entries()) expect(problems[i]!.message).toMatch(pattern);
  });

  it.each(files)('PF-16 %s holds documentation addresses and names only', (path) => {
    const { source } = readExample(path);
    const addresses = source.match(/(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])/g) ?? [];
    const documentation = /^(?:192\.0\.2|198\.51\.100|203\.0\.113|127\.0\.0)\.\d+$/;
    expect(addresses.filter((address) => !documentation.test(address))).toEqual([]);
    expect((source.match(/\b[0-9a-f]{1,4}(?::[0-9a-f]{0,4}){2,7}\b/gi) ?? []).filter(notDocumentation)).toEqual([]);
    const names = [...source.matchAll(/^hostname = "([^"]+)"|^backend_server_name = "([^"]+)"/gm)];
    expect(names.map(([, a, b]) => a ?? b).filter((name) => !name?.endsWith('.example.net'))).toEqual([]);
  });
});

function notDocumentation(address: string): boolean {
  return !/^2001:db8:/i.test(address);
}

describe('edge and origin together', () => {
  const hop = parseExample(origin).listeners.find(({ proxy_protocol: required }) => required === true)!;
  const hopRoutes = parseExample(edge)
    .listeners.flatMap(({ routes }) => routes)
    .filter(({ send_proxy_protocol: sends }) => sends === true);

  it('PX-6 what the edge sends with a PROXY header goes to the listener of the origin that requires one', () => {
    expect(hop.addr).toBe('192.0.2.20:4443');
    expect(hop.trusted_proxies).toEqual(['192.0.2.10/32']);
    expect(hopRoutes.length).toBeGreaterThan(0);
    for (const route of hopRoutes) expect(route.backend).toBe(hop.addr);
  });

  it('PX-8 the origin knows each forwarded name, and the edge verifies its certificate', () => {
    for (const route of hopRoutes) {
      expect(hop.routes.map(({ hostname }) => hostname)).toContain(route.hostname);
      expect(route).toMatchObject({ mode: 'l7', backend_tls: true, backend_verify: 'ca' });
    }
  });

  it('PX-9 PX-13 the edge limits to 20 connections in 10 seconds and turns scanners away', () => {
    const { firewall, listeners } = parseExample(edge);
    expect(firewall).toMatchObject({ rate_limit: 20, rate_window: '10s', blocked_countries: [] });
    expect(listeners.map(({ addr }) => addr)).toEqual([':443']);
    for (const { policies } of listeners.flatMap(({ routes }) => routes)) {
      expect(policies).toEqual({ block_user_agents: ['zgrab', 'masscan', 'Nuclei', 'httpx'] });
    }
  });

  it('PX-10 the plain listeners of the origin take no PROXY header', () => {
    const plain = parseExample(origin).listeners.filter((listener) => listener !== hop);
    expect(parseExample(origin).listeners.map(({ addr }) => addr)).toEqual([':443', ':8443', ':9443', hop.addr]);
    for (const { proxy_protocol: required, trusted_proxies: trusted } of plain.slice(0, 3)) {
      expect(required ?? false).toBe(false);
      expect(trusted).toEqual([]);
    }
  });
});
