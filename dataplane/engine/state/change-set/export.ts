import { formatDuration } from '../../../../mcdsl/config/units.ts';
import type { RouteSpec } from '../../../proxy/model.ts';
import { firewallLists } from '../../config/check-firewall.ts';
import { healthKeys } from '../../config/index.ts';
import type { StoredPolicy } from '../../store/index.ts';
import { baseOf, type Desired } from '../desired.ts';

const HEAD = `# What the admin API of mc-proxy owns, fit to be applied:
#   mcproxyctl apply FILE --dry-run
#   mcproxyctl apply FILE --confirm-within 60s
# It is the whole: what does not stand here is removed. What the configuration file says is its own and named in comments only.
`;

/** Entries of the file that are named, of each listener and of the firewall; the rest is counted. */
const MAX_NAMED = 50;

/** All that the API owns, in one order whatever way it came about. */
export function exportToml(desired: Desired): string {
  const policies = Map.groupBy([...desired.apiPolicies.values()].flat(), ({ listener }) => listener);
  const listeners = new Set([...desired.listeners.keys(), ...desired.apiRoutes.keys(), ...policies.keys()]);
  return [HEAD, ...[...listeners].map((addr) => listenerText(desired, addr, policies)), firewallText(desired)].join(
    '\n',
  );
}

function listenerText(desired: Desired, addr: string, policies: ReadonlyMap<string, StoredPolicy[]>): string {
  const configured = desired.listeners.get(addr)?.configured;
  const routes = [...(desired.apiRoutes.get(addr)?.values() ?? [])].sort((a, b) => order(a.hostname, b.hostname));
  const left = '# The configuration file has no such listener: nothing of this is served.\n';
  const named = [...(configured?.values() ?? [])].map(
    ({ spec, path }) => `${spec.hostname} at ${desired.configured.place(path)}`,
  );
  return [
    `${configured ? '' : left}[[listeners]]\naddr = ${string(addr)}\n${comments(named)}`,
    ...routes.map(routeText),
    ...policyTexts(desired, policies.get(addr) ?? []),
  ].join('\n');
}

/** Keys that have their default are left out. */
function routeText(spec: RouteSpec): string {
  const { policies } = spec;
  const own = keys([
    ['block_user_agents', policies.blockUserAgents.length > 0 && strings(policies.blockUserAgents)],
    ['require_headers', policies.requireHeaders.length > 0 && strings(policies.requireHeaders)],
  ]);
  const route = keys([
    ['hostname', string(spec.hostname)],
    ['backends', strings(spec.backends)],
    ['mode', string(spec.mode)],
    ['send_proxy_protocol', spec.sendProxyProtocol && 'true'],
    ['tls_cert', spec.tlsCert !== '' && string(spec.tlsCert)],
    ['tls_key', spec.tlsKey !== '' && string(spec.tlsKey)],
    ['backend_tls', spec.backendTls && 'true'],
    ['backend_verify', spec.backendVerify !== 'none' && string(spec.backendVerify)],
    ['backend_ca', spec.backendCa !== '' && string(spec.backendCa)],
    ['backend_server_name', spec.backendServerName !== '' && string(spec.backendServerName)],
    ['backend_protocol', spec.backendProtocol !== 'auto' && string(spec.backendProtocol)],
    ['client_ca', spec.clientCa !== '' && string(spec.clientCa)],
    ['forwarded_headers', spec.forwardedHeaders !== 'set' && string(spec.forwardedHeaders)],
    ...Object.entries(healthKeys(spec.health)).map(([key, value]) => [key, literal(value)] as const),
    ['origin', string('api')],
  ]);
  return `[[listeners.routes]]\n${route}${own === '' ? '' : `[listeners.routes.policies]\n${own}`}`;
}

function policyTexts(desired: Desired, policies: readonly StoredPolicy[]): string[] {
  const byHost = [...Map.groupBy(policies, ({ hostname }) => hostname)].sort(([a], [b]) => order(a, b));
  return byHost.map(([hostname, ofHost]) => {
    const isDormant = ofHost.some((policy) => baseOf(desired, policy)?.spec.mode !== 'l7');
    const valuesOf = (kind: StoredPolicy['kind']): string[] =>
      ofHost
        .filter((policy) => policy.kind === kind)
        .map(({ value }) => value)
        .sort(order);
    const [agents, headers] = [valuesOf('block_user_agent'), valuesOf('require_header')];
    return `[[listeners.policies]]\n${keys([
      ['hostname', string(hostname)],
      ['block_user_agents', agents.length > 0 && strings(agents)],
      ['require_headers', headers.length > 0 && strings(headers)],
      ['dormant', isDormant && 'true'],
    ])}`;
  });
}

function firewallText(desired: Desired): string {
  const named = [...desired.configuredRules].map(([id, { path }]) => `${id} at ${desired.configured.place(path)}`);
  const rules = [...desired.apiRules.values()];
  const lists = firewallLists().map(([list, kind]): [string, string | false] => {
    const values = rules.filter((rule) => rule.kind === kind).map(({ value }) => value);
    return [
      list,
      values.length > 0 &&
        `[\n${values
          .sort(order)
          .map((value) => `  ${string(value)},\n`)
          .join('')}]`,
    ];
  });
  const limit = desired.apiRateLimit;
  return `[firewall]\n${comments(named)}${keys([
    ...lists,
    ['rate_limit', limit !== null && String(limit.limit)],
    ['rate_window', limit !== null && string(formatDuration(limit.windowMs))],
  ])}`;
}

function comments(named: readonly string[]): string {
  const lines = named.slice(0, MAX_NAMED);
  if (named.length > MAX_NAMED) lines.push(`and ${named.length - MAX_NAMED} more`);
  return lines.map((line) => `# of the configuration file: ${line}\n`).join('');
}

function keys(entries: readonly (readonly [string, string | false])[]): string {
  return entries.map(([key, value]) => (value === false ? '' : `${key} = ${value}\n`)).join('');
}

function literal(value: string | number): string {
  return typeof value === 'number' ? String(value) : string(value);
}

function strings(values: readonly string[]): string {
  return `[${values.map(string).join(', ')}]`;
}

/** A basic string of TOML (v1.0.0, "String"): JSON's escapes, and DEL, which JSON leaves as it is. */
function string(text: string): string {
  return JSON.stringify(text).replaceAll('\u007f', '\\u007f');
}

/** By UTF-16 code units, the same on every machine. */
function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
