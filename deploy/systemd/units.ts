/** What the units of one service differ by; every other line is the same for all. */
export interface Service {
  /** Program in /usr/local/bin, user, group, and directory under /srv. */
  readonly name: string;
  readonly description: string;
  /** Capabilities that the server keeps as an ordinary user. */
  readonly capabilities: readonly string[];
  /** Of its database; null for a service that keeps nothing. */
  readonly backup: Backup | null;
}

export interface Backup {
  /** When the database is copied each day, HH:MM in UTC; services that share a node have times of their own. */
  readonly at: string;
  readonly kept: number;
}

export const services: readonly Service[] = [
  {
    name: 'mc-proxy',
    description: 'TLS proxy, router and firewall',
    capabilities: ['CAP_NET_BIND_SERVICE'],
    backup: { at: '02:00', kept: 14 },
  },
  {
    name: 'mcias',
    description: 'identity, tokens and login policy',
    capabilities: [],
    backup: { at: '02:30', kept: 14 },
  },
  {
    name: 'mcat',
    description: 'tests the login policy of mcias',
    capabilities: [],
    backup: null,
  },
];

/** Every unit file of the services: file name to content. */
export function unitFiles(from: readonly Service[] = services): ReadonlyMap<string, string> {
  return new Map(
    from.flatMap((service) => [[`${service.name}.service`, serverUnit(service)], ...backupFiles(service)]),
  );
}

function backupFiles(service: Service): [name: string, content: string][] {
  const { name, backup } = service;
  if (backup === null) return [];
  return [
    [`${name}-backup.service`, backupUnit(service, backup)],
    [`${name}-backup.timer`, backupTimer(service, backup)],
  ];
}

type Line = readonly [key: string, value: string];
type Section = readonly [name: string, lines: readonly Line[]];

function serverUnit(service: Service): string {
  const { name, description, capabilities } = service;
  return format([
    [
      'Unit',
      [
        ['Description', `${name}: ${description}`],
        ['After', 'network-online.target'],
        ['Wants', 'network-online.target'],
      ],
    ],
    [
      'Service',
      [
        ['Type', 'notify'],
        // Node cannot send to a datagram socket itself: systemd-notify does it as a child.
        ['NotifyAccess', 'all'],
        ...identity(service),
        ['ExecStart', command(service, 'server')],
        ['ExecReload', '/bin/kill -HUP $MAINPID'],
        ['Restart', 'on-failure'],
        ['RestartSec', '5'],
        // Above the server's own shutdown_timeout of 30 s: only a stop that hangs is cut off.
        ['TimeoutStopSec', '45'],
        ['WatchdogSec', '30'],
        ...hardening(service, capabilities),
        ['LimitNOFILE', '1048576'],
      ],
    ],
    ['Install', [['WantedBy', 'multi-user.target']]],
  ]);
}

/** A copy of the database needs no privilege at all: it runs with the server's hardening and without its capabilities. */
function backupUnit(service: Service, { kept }: Backup): string {
  return format([
    ['Unit', [['Description', `${service.name}: copy of the database`]]],
    [
      'Service',
      [
        ['Type', 'oneshot'],
        ...identity(service),
        ['ExecStart', command(service, `snapshot --keep ${kept}`)],
        ...hardening(service, []),
      ],
    ],
  ]);
}

function backupTimer({ name }: Service, { at }: Backup): string {
  return format([
    ['Unit', [['Description', `${name}: daily copy of the database`]]],
    [
      'Timer',
      [
        ['OnCalendar', `*-*-* ${at}:00 UTC`],
        ['Persistent', 'true'],
        ['RandomizedDelaySec', '300'],
      ],
    ],
    ['Install', [['WantedBy', 'timers.target']]],
  ]);
}

function identity({ name }: Service): Line[] {
  return [
    ['User', name],
    ['Group', name],
  ];
}

function command({ name }: Service, words: string): string {
  return `/usr/local/bin/${name} ${words} --config /srv/${name}/${name}.toml`;
}

/** MemoryDenyWriteExecute is not among them: V8 writes the machine code that it runs, and aborts at its first page under it. */
function hardening({ name }: Service, capabilities: readonly string[]): Line[] {
  const kept = capabilities.join(' ');
  const ambient: Line[] = kept === '' ? [] : [['AmbientCapabilities', kept]];
  return [
    ['NoNewPrivileges', 'true'],
    ['ProtectSystem', 'strict'],
    ['ProtectHome', 'true'],
    ['PrivateTmp', 'true'],
    ['PrivateDevices', 'true'],
    ['ProtectKernelTunables', 'true'],
    ['ProtectKernelModules', 'true'],
    ['ProtectControlGroups', 'true'],
    ['RestrictSUIDSGID', 'true'],
    ['RestrictNamespaces', 'true'],
    ['LockPersonality', 'true'],
    ['RestrictRealtime', 'true'],
    ['ReadWritePaths', `/srv/${name}`],
    ...ambient,
    ['CapabilityBoundingSet', kept],
    ['SystemCallFilter', '@system-service'],
    ['SystemCallErrorNumber', 'EPERM'],
    ['SystemCallArchitectures', 'native'],
    ['RestrictAddressFamilies', 'AF_UNIX AF_INET AF_INET6 AF_NETLINK'],
    ['UMask', '0027'],
  ];
}

function format(sections: readonly Section[]): string {
  return sections
    .map(([name, lines]) => `[${name}]\n${lines.map(([key, value]) => `${key}=${value}\n`).join('')}`)
    .join('');
}
