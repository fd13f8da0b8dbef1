import type { ConfigPath, Reporter } from '../../../../mcdsl/config/index.ts';
import type { RouteSpec } from '../../../proxy/model.ts';
import type { RouteKey } from '../../certificates/index.ts';
import { parseHeaderName, parseRouteHostname, parseUserAgent, whyNoHostname } from '../../config/index.ts';
import type { PolicyKind, StoredPolicy } from '../../store/index.ts';
import { apiPoliciesOf } from '../desired.ts';
import { routeId } from '../keys.ts';
import { isOfApi, isRepeated, type Judging } from './draft.ts';
import type { ChangeSetListener } from './schema.ts';

const MAX_POLICIES = 1_000;

const LISTS = { block_user_agents: 'block_user_agent', require_headers: 'require_header' } as const satisfies Record<
  string,
  PolicyKind
>;

/** Takes the policies beside routes of one listener into the draft, after its routes. */
export function takePolicies(judging: Judging, listener: ChangeSetListener, at: ConfigPath): void {
  const { report } = judging;
  const seen = new Map<string, ConfigPath>();
  listener.policies.forEach((policies, index) => {
    const path = [...at, 'policies', index];
    const hostname = parseRouteHostname(policies.hostname);
    if (hostname === null) {
      report([...path, 'hostname'], whyNoHostname(policies.hostname), { expected: 'the hostname of an l7 route' });
      return;
    }
    const message = `the policies of ${hostname} on ${listener.addr} stand in two tables; put them into one`;
    if (isRepeated(seen, hostname, [...path, 'hostname'], message, report)) return;
    takeTable(judging, { listener: listener.addr, hostname }, policies, path);
  });
}

function takeTable(
  judging: Judging,
  key: RouteKey,
  table: ChangeSetListener['policies'][number],
  path: ConfigPath,
): void {
  const { desired, report, draft } = judging;
  const base = servedAfter(judging, key);
  const stored = apiPoliciesOf(desired, key);
  const taken: StoredPolicy[] = [];
  for (const [list, kind] of Object.entries(LISTS) as [keyof typeof LISTS, PolicyKind][]) {
    table[list].forEach((text, index) => {
      const parsed = kind === 'block_user_agent' ? parseUserAgent(text) : parseHeaderName(text);
      if (!parsed.ok) {
        report([...path, list, index], parsed.reason);
        return;
      }
      const policy = { ...key, kind, value: parsed.value };
      if (find(taken, policy)) return;
      const known = find(stored, policy);
      if (isOfApi(isOwn(base, policy), known !== undefined)) taken.push(known ?? policy);
    });
  }
  if (taken.length > MAX_POLICIES) {
    report([...path, 'hostname'], `the route has ${taken.length} policies; ${MAX_POLICIES} are possible`);
  }
  if (base?.mode !== 'l7' && !report.partial) reportUseless(report, key, table.dormant, base, path);
  if (taken.length > 0) draft.policies.set(routeId(key), taken);
}

/** A policy without effect is a mistake, unless the text says that it waits for its route. */
function reportUseless(
  report: Reporter,
  key: RouteKey,
  isDormant: boolean,
  base: RouteSpec | null,
  path: ConfigPath,
): void {
  const { listener, hostname } = key;
  const why = base
    ? `the route ${hostname} on ${listener} is l4: its requests are encrypted and can't be judged`
    : `the listener ${listener} has no route ${hostname}`;
  const message = `${why}; the policies have no effect`;
  if (isDormant) report([...path, 'hostname'], message, { severity: 'warning' });
  else report([...path, 'hostname'], message, { expected: 'the hostname of an l7 route, or dormant = true' });
}

/** The route that the change set leads to under this name. */
function servedAfter({ desired, draft }: Judging, { listener, hostname }: RouteKey): RouteSpec | null {
  const served = desired.listeners.get(listener);
  if (!served) return null;
  return draft.routes.get(listener)?.get(hostname) ?? served.configured.get(hostname)?.spec ?? null;
}

function isOwn(base: RouteSpec | null, { kind, value }: StoredPolicy): boolean {
  const own = kind === 'block_user_agent' ? base?.policies.blockUserAgents : base?.policies.requireHeaders;
  return own?.some((other) => other.toLowerCase() === value.toLowerCase()) ?? false;
}

/** As the data path compares: without regard to case. */
function find(policies: readonly StoredPolicy[], { kind, value }: StoredPolicy): StoredPolicy | undefined {
  return policies.find((policy) => policy.kind === kind && policy.value.toLowerCase() === value.toLowerCase());
}
