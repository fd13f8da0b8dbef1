import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { formatProblems, placeText } from './format.ts';
import { databaseSection, defineConfig, duration, loadConfigText, section } from './index.ts';
import { example, svcConfig } from './test/example.ts';
import type { Environment, LoadResult } from './types.ts';

const load = (text: string, env: Environment = {}) => loadConfigText(example, { file: 'f.toml', text, env });
const database = '[database]\npath = "/d"\n';

/** `place message` of each problem or warning. */
function said(result: LoadResult<unknown>): string[] {
  const problems = result.ok ? result.warnings : result.problems;
  return problems.map(({ place, message }) => `${placeText(place)} ${message}`);
}

function loaded<T>(result: LoadResult<T>) {
  if (!result.ok) throw new Error(formatProblems(result.problems));
  return result.config;
}

describe('loading a configuration', () => {
  it("takes the deployment plan's file unchanged", () => {
    const result = load(svcConfig);
    expect(said(result)).toEqual([]);
    expect(loaded(result)).toMatchObject({
      listeners: [
        {
          addr: { kind: 'tcp', host: null, port: 443 },
          routes: [{ backend: { host: '100.95.252.120', port: 18080 } }],
        },
      ],
      firewall: { rate_limit: 20, rate_window: 10_000 },
      proxy: { connect_timeout: 5_000, hello_max: 16_384 },
      admin: { socket: '/srv/mc-proxy/mc-proxy.sock', mode: 0o660, group: '' },
    });
  });

  it('freezes all of it', () => {
    const config = loaded(load(svcConfig));
    const walk = (value: unknown): void => {
      if (typeof value !== 'object' || value === null) return;
      expect(Object.isFrozen(value)).toBe(true);
      Object.values(value).forEach(walk);
    };
    walk(config);
  });

  it('accepts CRLF, a byte order mark and no final line end', () => {
    expect(load(`\ufeff${svcConfig.replaceAll('\n', '\r\n').trimEnd()}`).ok).toBe(true);
  });

  it('knows where each setting was given', () => {
    const result = load(svcConfig, { MC_PROXY_FIREWALL_RATE_LIMIT: '5' });
    const at = (path: (string | number)[], part?: 'key') => placeText(result.sources.place(path, part));
    expect(at(['listeners', 0, 'routes', 0, 'tls_cert'])).toBe('f.toml:10:12');
    expect(at(['listeners', 0, 'routes', 0, 'tls_cert'], 'key')).toBe('f.toml:10:1');
    expect(at(['listeners', 0, 'routes', 0, 'policies', 'x'])).toBe('f.toml:6:1');
    expect(at(['firewall', 'rate_limit'])).toBe('$MC_PROXY_FIREWALL_RATE_LIMIT');
    expect(at(['metrics', 'addr'])).toBe('f.toml');
  });

  it('counts columns in characters', () => {
    const result = load(`${database}[admin]\n"group" = "🔑é"  ; x\n`);
    expect(said(result)[0]).toMatch(/^f\.toml:4:17 /);
  });

  it('refuses unknown keys in every kind of table, also where the schema would strip them', () => {
    const text = `${database}admin.x = 1\n[[listeners]]\naddr = ":1"\nroutes = [{ hostname = "h", backend = "b:1", mode = "l4", y = 1 }]\n`;
    expect(said(load(text))).toEqual([
      'f.toml:3:1 unknown key "admin" in [database]',
      'f.toml:6:59 unknown key "y" in [[listeners.routes]]',
    ]);
  });

  it('treats keys of the object prototype as any other key', () => {
    for (const key of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
      expect(said(load(`${key} = 1\n${database}`))).toEqual([
        `f.toml:1:1 unknown section or key "${key}" at the top level`,
      ]);
      expect(said(load(`${database}[firewall.${key}]\na = 1\n`))).toEqual([
        `f.toml:3:11 unknown key "${key}" in [firewall]`,
      ]);
    }
    expect({}).not.toHaveProperty('a');
  });

  it('does not call a misspelled or broken key missing', () => {
    expect(said(load('[[listeners]]\nadr = ":1"\n[database]\n'))).toEqual([
      'f.toml:2:1 unknown key "adr" in [[listeners]]',
    ]);
    expect(said(load('[[listeners]]\naddr = :1\n[database]\n'))).toEqual(['f.toml:2:8 this is not a TOML value']);
    expect(said(load('[[listeners]]\n[database]\n'))).toEqual(['f.toml:1:1 missing key "addr" in [[listeners]]']);
  });

  it('runs the checks on what is right beside mistakes, at the right element', () => {
    const route = (name: string, rest = '') =>
      `[[listeners.routes]]\nhostname = "${name}"\nbackend = "b:1"\nmode = "l4"\n${rest}`;
    const text = `${database}[[listeners]]\naddr = ":1"\n${route('bad', 'mode2 = 1\n').replace('b:1', 'b')}${route('a')}${route('b').replace('l4', 'l5')}${route('a')}`;
    expect(said(load(text))).toEqual([
      'f.toml:7:11 bad value for "listeners[0].routes[0].backend": "b" has no port',
      'f.toml:9:1 unknown key "mode2" in [[listeners.routes]]',
      'f.toml:17:8 bad value for "listeners[0].routes[2].mode": "l5" is not allowed',
      'f.toml:19:12 a second route for "a"',
    ]);
    const result = load(text);
    expect(result.ok ? null : result.problems.at(-1)?.related).toMatchObject({ place: { line: 11 } });
  });

  it('tells the check when settings were left out, and drops its word on them', () => {
    const seen: boolean[] = [];
    const definition = defineConfig({
      service: 's',
      schema: z.object({ a: section(z.object({ t: duration().prefault('1s'), n: z.int().default(1) })) }),
      check(config, report) {
        seen.push(report.partial);
        report(['a', 't'], `t is ${config.a.t}`);
        report(['a', 'n'], `n is ${config.a.n}`, { severity: 'warning' });
      },
    });
    const texts = ['[a]\nt = "2s"\nn = 2\n', '[a]\nt = "x"\nn = 2\n'];
    expect(texts.map((text) => said(loadConfigText(definition, { file: 'f', text })))).toEqual([
      ['f:2:5 t is 2000', 'f:3:5 n is 2'],
      ['f:2:5 bad value for "a.t": "x" is not a duration', 'f:3:5 n is 2'],
    ]);
    expect(seen).toEqual([false, true]);
  });

  it('lets warnings pass', () => {
    const result = load(`${database}[firewall]\nrate_limit = 20000\n`);
    expect(result.ok).toBe(true);
    expect(said(result)).toEqual(['f.toml:4:14 this limit hardly limits']);
  });

  it('never throws for any text', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        ...svcConfig.split(/(?<=\n)/),
        '[grpc]\n',
        'addr = ":1"\n',
        '[[firewall]]\n',
        'listeners = 3\n',
        '[database.path]\n',
      ),
      fc.string({ maxLength: 5 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        const result = load(pieces.join(''), {
          PORT: '1',
          MC_PROXY_FIREWALL_RATE_LIMIT: '1',
          MC_PROXY_SERVER_TLS: 'off',
        });
        formatProblems(result.ok ? result.warnings : result.problems);
        if (!result.ok) expect(result.problems.some((problem) => problem.severity === 'error')).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('speaks of the nearest alternative of a union', () => {
    const definition = defineConfig({
      service: 's',
      schema: z.object({
        database: section(databaseSection('s')),
        store: z.discriminatedUnion('kind', [
          z.object({ kind: z.literal('file'), path: z.string() }),
          z.object({ kind: z.literal('tcp'), port: z.int() }),
        ]),
        workers: z.union([z.int(), z.literal('auto')]).default('auto'),
      }),
    });
    const of = (text: string) => said(loadConfigText(definition, { file: 'f', text }));
    expect(of('store = { kind = "tcp", port = "x" }')).toEqual(['f:1:32 "store.port" is a string']);
    expect(of('store = { kind = "tpc" }')[0]).toBe('f:1:18 bad value for "store.kind": "tpc" is not allowed');
    expect(of('workers = true\nstore = { kind = "tcp", port = 1, prt = 2 }')).toEqual([
      'f:1:11 bad value for "workers": true is not allowed',
      'f:2:35 unknown key "prt" in [store]',
    ]);
  });
});

describe('aliases', () => {
  it('sets the setting by its second name, and points there', () => {
    const result = load(`${database}[grpc]\naddr = "/run/x.sock"\n`);
    expect(loaded(result).admin.socket).toBe('/run/x.sock');
    expect(placeText(result.sources.place(['admin', 'socket']))).toBe('f.toml:4:8');
  });

  it('refuses both names at once', () => {
    expect(said(load(`${database}[grpc]\naddr = "/x"\n[admin]\nsocket = "/x"\n`))).toEqual([
      'f.toml:4:1 [grpc] addr and [admin] socket are two names of one setting; keep one of them',
    ]);
  });

  it('refuses other keys in a section that exists for its alias only', () => {
    expect(said(load(`${database}[grpc]\nadr = "/x"\n`))).toEqual(['f.toml:4:1 unknown key "adr" in [grpc]']);
  });

  it('reports a wrong value at the name that was used', () => {
    expect(said(load(`${database}[grpc]\naddr = 5\n`))).toEqual(['f.toml:4:8 "admin.socket" is a whole number']);
  });
});
