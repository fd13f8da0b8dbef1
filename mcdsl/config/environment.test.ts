import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { formatProblems, placeText } from './format.ts';
import { defineConfig, listenAddress, loadConfigText, section } from './index.ts';
import { example } from './test/example.ts';
import type { Environment } from './types.ts';

const load = (env: Environment, text = '[database]\n') => loadConfigText(example, { file: 'f.toml', text, env });

function loaded(env: Environment, text?: string) {
  const result = load(env, text);
  if (!result.ok) throw new Error(formatProblems(result.problems));
  return result.config;
}

function said(env: Environment, text?: string): string[] {
  const result = load(env, text);
  return (result.ok ? result.warnings : result.problems).map(
    ({ place, severity, message }) => `${placeText(place)} ${severity}: ${message}`,
  );
}

describe('environment overrides', () => {
  it('set scalars by the type of the schema, over the file', () => {
    const config = loaded(
      {
        MC_PROXY_DATABASE_PATH: '/e',
        MC_PROXY_FIREWALL_RATE_LIMIT: '7',
        MC_PROXY_FIREWALL_RATE_WINDOW: '1m',
        MC_PROXY_METRICS_STATUS_PAGE: 'false',
        MC_PROXY_PROXY_SAMPLE: '0.5',
        MC_PROXY_LOG_LEVEL: 'warn',
        MC_PROXY_METRICS_ADDR: '',
      },
      '[database]\npath = "/f"\n[firewall]\nrate_limit = 3\n',
    );
    expect(config.database.path).toBe('/e');
    expect(config.firewall).toMatchObject({ rate_limit: 7, rate_window: 60_000 });
    expect(config.metrics).toEqual({ addr: null, status_page: false });
    expect(config.proxy.sample).toBe(0.5);
    expect(config.log.level).toBe('warn');
  });

  it('set arrays by comma', () => {
    expect(loaded({ MC_PROXY_FIREWALL_BLOCKED_IPS: '1.1.1.1, ::1' }).firewall.blocked_ips).toEqual(['1.1.1.1', '::1']);
    expect(
      loaded({ MC_PROXY_FIREWALL_BLOCKED_IPS: '' }, '[database]\n[firewall]\nblocked_ips = ["1.1.1.1"]\n').firewall
        .blocked_ips,
    ).toEqual([]);
  });

  it('make a section that the file leaves out, also a required one', () => {
    expect(loaded({ MC_PROXY_DATABASE_PATH: '/e' }, '').database.path).toBe('/e');
  });

  it('replace a wrong value of the file', () => {
    expect(
      loaded({ MC_PROXY_FIREWALL_RATE_LIMIT: '7' }, '[database]\n[firewall]\nrate_limit = "x"\n').firewall.rate_limit,
    ).toBe(7);
  });

  it('work for the second name of a setting', () => {
    expect(loaded({ MC_PROXY_GRPC_ADDR: '/e.sock' }).admin.socket).toBe('/e.sock');
  });

  it('name the variable in their problems', () => {
    expect(
      said({
        MC_PROXY_FIREWALL_RATE_LIMIT: 'many',
        MC_PROXY_METRICS_STATUS_PAGE: 'yes',
        MC_PROXY_PROXY_IDLE_TIMEOUT: '5',
        MC_PROXY_FIREWALL_BLOCKED_IPS: '1.1.1.1,nonsense',
      }),
    ).toEqual([
      '$MC_PROXY_FIREWALL_RATE_LIMIT error: "many" is not a number',
      '$MC_PROXY_METRICS_STATUS_PAGE error: "yes" is not "true" or "false"',
      '$MC_PROXY_FIREWALL_BLOCKED_IPS error: bad value for "firewall.blocked_ips[1]": not an IP address',
      '$MC_PROXY_PROXY_IDLE_TIMEOUT error: bad value for "proxy.idle_timeout": "5" is not a duration',
    ]);
  });

  it('warn of a variable that sets nothing, but only within the sections of the service', () => {
    const warning = 'warning: this variable sets nothing: [firewall] has no such key that a variable can set';
    expect(said({ MC_PROXY_FIREWALL_RATE_LIMT: '1', MC_PROXY_HOME: '/x', MC_PROXYX: '1', OTHER: '1' })).toEqual([
      `$MC_PROXY_FIREWALL_RATE_LIMT ${warning}`,
    ]);
    const result = load({ MC_PROXY_FIREWALL_RATE_LIMT: '1' });
    expect(result.ok && result.warnings[0]?.suggestion).toBe('MC_PROXY_FIREWALL_RATE_LIMIT');
  });

  it('refuse a schema in which two keys share a variable', () => {
    const schema = z.object({ a_b: z.object({ c: z.string() }), a: z.object({ b_c: z.string() }) });
    expect(() => defineConfig({ service: 's', schema })).toThrow('a_b.c and a.b_c share the variable S_A_B_C');
  });
});

describe('$PORT', () => {
  const file = '[database]\n[server]\nlisten_addr = "127.0.0.1:8443"\n';

  it('sets the port of the listening address, above all else, and keeps the host', () => {
    expect(loaded({ PORT: '5001' }).server.listen_addr).toEqual({ kind: 'tcp', host: null, port: 5001 });
    expect(loaded({ PORT: '5001' }, file).server.listen_addr).toEqual({ kind: 'tcp', host: '127.0.0.1', port: 5001 });
    expect(loaded({ PORT: '5001', MC_PROXY_SERVER_LISTEN_ADDR: '[::1]:9' }, file).server.listen_addr).toEqual({
      kind: 'tcp',
      host: '::1',
      port: 5001,
    });
  });

  it('by name sets the other addresses', () => {
    expect(loaded({ PORT_REST: '5001', PORT_GRPC: '5002' }).server).toMatchObject({
      listen_addr: { port: 5001 },
      grpc_addr: { kind: 'tcp', host: null, port: 5002 },
    });
  });

  it('is ignored where the schema has no such key', () => {
    expect(said({ PORT_WEB: 'x', PORT_METRICS: '1' })).toEqual([]);
    const definition = defineConfig({
      service: 's',
      schema: z.object({ server: section(z.object({ web_addr: listenAddress().optional() })) }),
    });
    const result = loadConfigText(definition, { file: 'f', text: '', env: { PORT: '1', PORT_WEB: '2' } });
    expect(result).toMatchObject({ ok: true, config: { server: { web_addr: { port: 2 } } } });
  });

  it('must be a port', () => {
    expect(said({ PORT: 'http', PORT_GRPC: '65536' })).toEqual([
      '$PORT error: "http" is not a port',
      '$PORT_GRPC error: "65536" is not a port',
    ]);
  });

  it('does not hide a wrong address', () => {
    expect(said({ PORT: '80' }, '[database]\n[server]\nlisten_addr = "nonsense"\n')).toEqual([
      'f.toml:3:15 error: bad value for "server.listen_addr": "nonsense" has no port',
    ]);
  });
});
