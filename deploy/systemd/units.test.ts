import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requireClient } from '../checks/clients.ts';
import { services, unitFiles } from './units.ts';

const here = import.meta.dirname;
const units = unitFiles();
const names = [...units.keys()];
const serviceNames = names.filter((name) => name.endsWith('.service'));

/** The unit that all others follow, as the platform's specification prints it: written here a second time on purpose. */
const reference = `[Unit]
Description=mc-proxy: TLS proxy, router and firewall
After=network-online.target
Wants=network-online.target
[Service]
Type=notify
NotifyAccess=all
User=mc-proxy
Group=mc-proxy
ExecStart=/usr/local/bin/mc-proxy server --config /srv/mc-proxy/mc-proxy.toml
ExecReload=/bin/kill -HUP $MAINPID
Restart=on-failure
RestartSec=5
TimeoutStopSec=45
WatchdogSec=30
NoNewPrivileges=true
ProtectSystem=strict
ProtectHome=true
PrivateTmp=true
PrivateDevices=true
ProtectKernelTunables=true
ProtectKernelModules=true
ProtectControlGroups=true
RestrictSUIDSGID=true
RestrictNamespaces=true
LockPersonality=true
RestrictRealtime=true
ReadWritePaths=/srv/mc-proxy
AmbientCapabilities=CAP_NET_BIND_SERVICE
CapabilityBoundingSet=CAP_NET_BIND_SERVICE
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
SystemCallArchitectures=native
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
UMask=0027
LimitNOFILE=1048576
[Install]
WantedBy=multi-user.target
`;

/** The lines of the reference that harden whatever runs, from NoNewPrivileges= to UMask=. */
const hardening = reference.split('\n').slice(15, -4);
const capability = /^(Ambient|CapabilityBoundingSet)/;

function read(name: string): string {
  return readFileSync(join(here, name), 'utf8');
}

function linesOf(name: string): string[] {
  return (units.get(name) ?? '').split('\n');
}

describe('systemd units', () => {
  it.each(names)('%s is what the template gives (node deploy/systemd/write.ts writes it)', (name) => {
    expect(read(name)).toBe(units.get(name));
  });

  it('has no unit file that the template does not know', () => {
    expect(
      readdirSync(here)
        .filter((name) => !name.endsWith('.ts'))
        .sort(),
    ).toEqual([...names].sort());
  });

  it('PF-11 mc-proxy.service is the reference unit, line by line', () => {
    expect(read('mc-proxy.service')).toBe(reference);
  });

  it.each(serviceNames)('PF-11 %s has every hardening line of the reference but for capabilities', (name) => {
    const service = name.replace(/(-backup)?\.service$/, '');
    const expected = hardening
      .filter((line) => !capability.test(line))
      .map((line) => line.replace('/srv/mc-proxy', `/srv/${service}`));
    expect(expected).toContain('NoNewPrivileges=true');
    expect(expected).toContain('UMask=0027');
    expect(linesOf(name)).toEqual(expect.arrayContaining(expected));
  });

  it('PX-24 a timer takes the copy of the database at 02:00 UTC, without any capability', () => {
    const backup = linesOf('mc-proxy-backup.service');
    expect(backup).toContain('Type=oneshot');
    expect(backup).toContain(
      'ExecStart=/usr/local/bin/mc-proxy snapshot --keep 14 --config /srv/mc-proxy/mc-proxy.toml',
    );
    expect(backup.filter((line) => capability.test(line))).toEqual(['CapabilityBoundingSet=']);
    const timer = linesOf('mc-proxy-backup.timer');
    expect(timer).toEqual(
      expect.arrayContaining([
        'OnCalendar=*-*-* 02:00:00 UTC',
        'Persistent=true',
        'RandomizedDelaySec=300',
        'WantedBy=timers.target',
      ]),
    );
  });

  it('PF-11 PF-12 mcias serves without any capability and is copied at 02:30 UTC', () => {
    expect(linesOf('mcias.service').filter((line) => capability.test(line))).toEqual(['CapabilityBoundingSet=']);
    expect(linesOf('mcias-backup.timer')).toContain('OnCalendar=*-*-* 02:30:00 UTC');
  });

  it('PF-11 mcat, which has no database, serves without any capability and has no copy to take', () => {
    expect(linesOf('mcat.service').filter((line) => capability.test(line))).toEqual(['CapabilityBoundingSet=']);
    expect(names.filter((name) => name.startsWith('mcat'))).toEqual(['mcat.service']);
  });

  it('PF-12 no two services are copied at the same time of day', () => {
    const times = services.flatMap(({ backup }) => backup?.at ?? []);
    expect(new Set(times).size).toBe(times.length);
    for (const time of times) expect(time).toMatch(/^([01]\d|2[0-3]):[0-5]\d$/);
  });
});

describe("systemd units under systemd's own tools", () => {
  const systemUnits = '/lib/systemd/system';
  const [analyze = ''] = requireClient('systemd-analyze');
  /** A root directory that holds the units, the programs they start, and systemd's own units. */
  let root: string;

  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'mc-units-'));
    for (const program of ['bin/kill', ...services.map(({ name }) => `usr/local/bin/${name}`)]) {
      mkdirSync(dirname(join(root, program)), { recursive: true });
      writeFileSync(join(root, program), '#!/bin/sh\n', { mode: 0o755 });
    }
    if (existsSync(systemUnits))
      cpSync(systemUnits, join(root, 'lib/systemd/system'), { recursive: true, verbatimSymlinks: true });
    mkdirSync(join(root, 'etc/systemd/system'), { recursive: true });
    for (const [name, content] of units) writeFileSync(join(root, 'etc/systemd/system', name), content);
  });
  afterAll(() => rmSync(root, { recursive: true }));

  function verify(...files: string[]): string {
    const { status, stderr } = spawnSync(analyze, ['verify', `--root=${root}`, '--man=no', ...files], {
      encoding: 'utf8',
    });
    return status === 0 ? stderr : `${stderr}(exit code ${status})`;
  }

  it('PF-11 systemd-analyze verify has nothing to say about any of them', () => {
    expect(verify(...names)).toBe('');
  });

  it('would say what is wrong with a unit', () => {
    const broken = reference.replace('ProtectHome=', 'ProtectHouse=');
    writeFileSync(join(root, 'etc/systemd/system/broken.service'), broken);
    expect(verify('broken.service')).toContain('ProtectHouse');
  });

  it.each(serviceNames)('PF-11 systemd-analyze security puts %s at 3.0 or below', (name) => {
    const file = join(root, 'etc/systemd/system', name);
    const text = execFileSync(analyze, ['security', '--offline=true', '--no-pager', '--threshold=30', file], {
      encoding: 'utf8',
      env: { ...process.env, SYSTEMD_EMOJI: '0' },
    });
    const level = Number(/Overall exposure level .*: ([\d.]+)/.exec(text)?.[1]);
    expect(level).toBeGreaterThan(0);
    expect(level).toBeLessThanOrEqual(3);
  });
});
