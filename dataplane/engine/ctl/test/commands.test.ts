import { basename, dirname } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { startAdmin, twoListeners } from '../../admin/test/running-admin.ts';
import type { RunningAdmin } from '../../admin/test/running-admin.ts';
import { EXPIRED, makePemDir } from '../../certificates/test/pem-dir.ts';
import { runCtl } from './run-ctl.ts';
import type { CtlResult } from './run-ctl.ts';

let running: RunningAdmin;

beforeEach(async () => {
  running = await startAdmin();
});

afterEach(() => running[Symbol.asyncDispose]());

const ctl = (...args: string[]): Promise<CtlResult> => runCtl(['--socket', running.socket, ...args]);

/** The command has to succeed and to print nothing but JSON. */
async function json(...args: string[]): Promise<unknown> {
  const { code, stdout, stderr } = await ctl(...args, '--json');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout);
}

async function done(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await ctl(...args);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}

const l4 = ['--hostname', 'app.example.test', '--backend', '10.0.0.8:443', '--mode', 'l4'];

describe('mcproxyctl', () => {
  it('routes: adds, lists and removes', async () => {
    expect(await done('routes', 'add', ...l4, '--backend', '10.0.0.9:443', '--send-proxy-protocol')).toBe(
      'route app.example.test on :443 in effect (generation 1)\n',
    );
    expect(await done('routes', 'add', ...l4, '--backends', '10.0.0.9:443', '--send-proxy-protocol')).toContain(
      'was there already',
    );
    expect(await done('routes', 'list')).toBe(
      [
        'LISTENER  HOSTNAME           MODE  BACKENDS                    ORIGIN  OPTIONS',
        ':443      file.example.test  l4    10.0.0.7:8443               config  -',
        ':443      app.example.test   l4    10.0.0.8:443, 10.0.0.9:443  api     send_proxy_protocol',
        '',
      ].join('\n'),
    );
    expect(await json('routes', 'list', '--listener', ':443')).toEqual([
      expect.objectContaining({ hostname: 'file.example.test', origin: 'config', mode: 'l4' }),
      {
        listener: ':443',
        hostname: 'app.example.test',
        backends: ['10.0.0.8:443', '10.0.0.9:443'],
        mode: 'l4',
        send_proxy_protocol: true,
        tls_cert: '',
        tls_key: '',
        backend_tls: false,
        backend_verify: 'none',
        backend_ca: '',
        backend_server_name: '',
        backend_protocol: 'auto',
        client_ca: '',
        forwarded_headers: 'set',
        health_check: 'off',
        health_interval_ms: 5_000,
        health_timeout_ms: 2_000,
        health_path: '/',
        health_host: '',
        health_fall: 3,
        health_rise: 2,
        block_user_agents: [],
        require_headers: [],
        origin: 'api',
        shadows_config: false,
      },
    ]);
    expect(await done('routes', 'remove', '--hostname', 'app.example.test', '--kill')).toContain('removed');
    expect(running.state.routes()).toHaveLength(1);
  });

  it('routes: every key of an l7 route, paths from where the command runs, warnings on standard error', async () => {
    using pems = await makePemDir();
    const { tlsCert } = await pems.pair('app', ['other.example.test']);
    const ca = pems.write('ca.pem', pems.ca.certPem);
    const args = 'routes add --hostname app.example.test --backend b.test:443 --mode l7 --backend-tls'.split(' ');
    args.push('--tls-cert', 'app.pem', '--tls-key', 'app.key', '--backend-verify', 'ca', '--backend-ca', ca);
    args.push('--backend-server-name', 'b.test', '--backend-protocol', 'h2', '--client-ca', 'ca.pem');
    args.push('--forwarded-headers', 'append', '--block-user-agent', 'zgrab', '--block-user-agents', 'masscan');
    args.push('--health-check', 'http', '--health-interval', '10s', '--health-timeout', '1s', '--health-path', '/up');
    args.push('--health-host', 'up.test', '--health-fall', '4', '--health-rise', '5');
    args.push('--require-header', 'X-Api-Key', '--json');
    const { code, stdout, stderr } = await runCtl(args, {
      cwd: dirname(tlsCert),
      env: { MC_PROXY_ADMIN_SOCKET: running.socket },
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(stdout)).toMatchObject({
      changed: true,
      generation: 1,
      route: {
        tls_cert: tlsCert,
        backend_tls: true,
        backend_verify: 'ca',
        backend_ca: ca,
        client_ca: ca,
        backend_server_name: 'b.test',
        backend_protocol: 'h2',
        forwarded_headers: 'append',
        health_check: 'http',
        health_interval_ms: 10_000,
        health_timeout_ms: 1_000,
        health_path: '/up',
        health_host: 'up.test',
        health_fall: 4,
        health_rise: 5,
        block_user_agents: ['zgrab', 'masscan'],
        require_headers: ['x-api-key'],
      },
      warnings: [expect.stringContaining('covers other.example.test')],
    });
    const text = await ctl(
      'routes',
      'add',
      ...l4.with(5, 'l7'),
      '--tls-cert',
      tlsCert,
      '--tls-key',
      pems.path('app.key'),
    );
    expect(text.code).toBe(0);
    expect(text.stdout).toBe('route app.example.test on :443 in effect (generation 2)\n');
    expect(text.stderr).toMatch(/^warning: .*covers other\.example\.test/);
  });

  it('firewall: blocks, allows, limits, and takes it all back', async () => {
    expect(await done('firewall', 'block', '--ip', '203.0.113.9')).toBe(
      'blocked_ip 203.0.113.9 in effect (generation 1)\n',
    );
    await done('firewall', 'block', '--cidr', '203.0.113.0/24');
    await done('firewall', 'block', '--country', 'de');
    await done('firewall', 'allow', '--cidr', '203.0.113.128/25');
    await done('firewall', 'rate', '--limit', '5', '--window', '1m30s');
    expect(await json('firewall', 'show')).toEqual({
      rules: [
        { kind: 'blocked_cidr', value: '192.0.2.0/24', origin: 'config' },
        { kind: 'allowed_cidr', value: '10.0.0.0/8', origin: 'config' },
        { kind: 'blocked_ip', value: '203.0.113.9', origin: 'api' },
        { kind: 'blocked_cidr', value: '203.0.113.0/24', origin: 'api' },
        { kind: 'blocked_country', value: 'DE', origin: 'api' },
        { kind: 'allowed_cidr', value: '203.0.113.128/25', origin: 'api' },
      ],
      rate_limit: { limit: 5, window_ms: 90_000, prefix_v4: 32, prefix_v6: 64, origin: 'api' },
      geoip: { path: '', loaded: false, type: '', built_at: null, reload_failures: 0, last_error: '' },
    });
    const shown = await done('firewall', 'show');
    expect(shown).toContain('rate limit  5 connections in 1m30s, counted by /32 and /64 (set by the API)\n');
    expect(shown).toContain('blocked_country  DE                api\n');
    await done('firewall', 'unblock', '--ip', '203.0.113.9');
    await done('firewall', 'unblock', '--cidr', '203.0.113.0/24');
    await done('firewall', 'unblock', '--country', 'DE');
    await done('firewall', 'disallow', '--cidr', '203.0.113.128/25');
    expect(await done('firewall', 'rate', '--limit', '6')).toContain('6 connections in 1m30s');
    expect(await done('firewall', 'rate', '--reset')).toContain('20 connections in 10s');
    expect(running.state.firewall().rules).toHaveLength(2);
  });

  it('policies: adds, lists and removes', async () => {
    using pems = await makePemDir();
    const { tlsCert, tlsKey } = await pems.pair('app.example.test');
    await done('routes', 'add', ...l4.with(5, 'l7'), '--tls-cert', tlsCert, '--tls-key', tlsKey);
    const zgrab = ['--hostname', 'app.example.test', '--block-user-agent', 'zgrab'];
    expect(await done('policies', 'add', ...zgrab)).toBe(
      'block_user_agent "zgrab" of app.example.test in effect (generation 2)\n',
    );
    expect(await json('policies', 'list', '--hostname', 'app.example.test')).toEqual([
      { listener: ':443', hostname: 'app.example.test', kind: 'block_user_agent', value: 'zgrab', origin: 'api' },
    ]);
    expect(await done('policies', 'list')).toContain('app.example.test  block_user_agent  zgrab  api\n');
    await done('policies', 'remove', ...zgrab);
    expect(await json('policies', 'list')).toEqual([]);
  });

  it('PX-14 explain: one line a step, then outcome, rule and reason', async () => {
    const refused = await done('explain', '--ip', '192.0.2.9', '--sni', 'file.example.test');
    expect(refused).toMatch(/^STEP +RESULT +RULE +DETAIL\n/);
    expect(refused).toMatch(/\n\nrefuse\nrule +192\.0\.2\.0\/24\nreason +blocked_cidr\n$/);
    expect(await done('explain', '--ip', '2001:db8::9', '--sni', 'file.example.test')).toMatch(
      /\n\nrelay to 10\.0\.0\.7:8443\nrule +file\.example\.test\n$/,
    );
    expect(await json('explain', '--ip', '203.0.113.9', '--alpn', 'h2', '--ua', 'curl')).toMatchObject({
      outcome: 'refuse',
      reason: 'no_sni',
      rule: '',
      route: null,
      steps: expect.arrayContaining([expect.objectContaining({ step: 'route', result: 'decide' })]),
    });
  });

  it('events: what is kept, as text and as a line of JSON each', async () => {
    running.events.record({ kind: 'refused', reason: 'no_sni', client: '203.0.113.9', peer: '203.0.113.9' });
    running.events.record({ kind: 'refused', reason: 'no_route', sni: 'é\u001b[2J \u202e"', detail: 'a b' });
    const text = (await done('events')).split('\n');
    expect(text[0]).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z refused no_sni client=203\.0\.113\.9$/);
    expect(text[1]).toContain(String.raw`refused no_route sni="é\u001b[2J \u202e\"" a b`);
    const { stdout } = await ctl('events', '--json', '--last', '1');
    expect(stdout).toMatch(/^[\x20-\x7e]+\n$/);
    expect(JSON.parse(stdout)).toMatchObject({ reason: 'no_route', sni: 'é\u001b[2J \u202e"', dropped_before: 0 });
    expect(await done('events', '--reason', 'no_sni', '--ip', '203.0.113.9')).toContain('no_sni');
    expect(await done('events', '--ip', '203.0.113.10')).toBe('');
  });

  it('certs: lists, reloads, and exits 3 when files are refused', async () => {
    using pems = await makePemDir();
    const { tlsCert, tlsKey } = await pems.pair('app.example.test');
    await done('routes', 'add', ...l4.with(5, 'l7'), '--tls-cert', tlsCert, '--tls-key', tlsKey);
    expect(await json('certs', 'list')).toEqual([
      expect.objectContaining({
        hostname: 'app.example.test',
        cert_path: tlsCert,
        error: '',
        days_left: expect.any(Number),
      }),
    ]);
    expect(await done('certs', 'reload')).toBe('0 reloaded, 1 unchanged, 0 refused\n');
    await pems.pair('app.example.test', ['app.example.test'], EXPIRED);
    const { code, stdout, stderr } = await ctl('certs', 'reload');
    expect({ code, stdout }).toEqual({ code: 3, stdout: '0 reloaded, 0 unchanged, 1 refused\n' });
    expect(stderr).toMatch(/^warning: app\.example\.test on :443: .*expired/);
    expect(await done('certs', 'list')).toContain(basename(tlsCert));
  });

  it('status, listeners, stats and drain', async () => {
    await done('routes', 'add', ...l4.with(1, 'file.example.test'));
    const text = await done('status');
    expect(text).toMatch(/^state +serving\nversion +0\.1\.0\nengine +portable \(MC_NATIVE=off\), 2 workers\n/);
    expect(text).toContain('\ngeneration     1\n');
    expect(text).toMatch(
      /\nLISTENER +BOUND +ROUTES +ACTIVE +MAX +PROXY PROTOCOL +DEFAULT ROUTE\n:443 +\[::\]:4443 +1 +3 /,
    );
    // PX-16: the conflict between file and API.
    expect(text).toMatch(/\nwarning: route file\.example\.test on :443: .*mc-proxy\.toml:/);
    expect(await json('status')).toMatchObject({
      state: 'serving',
      started_at: '2026-01-02T03:04:05.000Z',
      active_connections: 3,
      geoip: { loaded: false },
      listeners: [{ addr: ':443', bound_port: 4443, max_connections: 0 }],
    });
    expect(await json('listeners')).toMatchObject([{ addr: ':443', routes: 1, active_connections: 3 }]);
    expect(await done('listeners')).toContain('[::]:4443');
    expect(await json('stats')).toEqual([
      { name: 'mc_proxy_refused_total', labels: { reason: 'no_sni', listener: ':443' }, value: 4 },
    ]);
    expect(await done('stats')).toBe('mc_proxy_refused_total{reason="no_sni",listener=":443"} 4\n');
    expect(await done('drain')).toBe('draining, 3 connections open\n');
    expect(await json('drain')).toEqual({ active_connections: 3 });
    expect(running.drains).toBe(2);
  });

  it('lists the listeners to choose from where several are configured', async () => {
    await running[Symbol.asyncDispose]();
    running = await startAdmin(twoListeners);
    const unnamed = await ctl('routes', 'add', ...l4);
    expect(unnamed).toMatchObject({ code: 1, stdout: '' });
    expect(unnamed.stderr).toBe(
      'error: name the listener; configured are: :443, 127.0.0.1:8443 (listener_ambiguous)\n',
    );
    const wrong = await ctl('explain', '--ip', '203.0.113.9', '--listener', ':80', '--json');
    expect(wrong).toMatchObject({ code: 1, stdout: '' });
    expect(JSON.parse(wrong.stderr)).toMatchObject({
      error: { code: 'listener_unknown', details: { listeners: [':443', '127.0.0.1:8443'] } },
    });
  });

  it('tells what to write instead of a network with host bits', async () => {
    const { code, stderr } = await ctl('firewall', 'block', '--cidr', '203.0.113.9/24');
    expect(code).toBe(1);
    expect(stderr).toContain('203.0.113.0/24');
    expect(running.state.generation).toBe(0);
  });

  it('colours nothing that is not a terminal', async () => {
    const { stdout, stderr } = await ctl('explain', '--ip', '192.0.2.9');
    const failed = await ctl('routes', 'remove', '--hostname', 'none.example.test');
    expect(`${stdout}${stderr}${failed.stderr}`).not.toContain('\u001b');
  });
});
