import { traceFirewall } from '../firewall/index.ts';
import type { IpAddress } from '../net/address.ts';
import { normaliseSni } from '../net/hostname.ts';
import type { Route } from './model.ts';
import { evaluatePolicies } from './policies.ts';
import type { Reason } from './reasons.ts';
import { selectRoute } from './routing/select-route.ts';
import type { ListenerTable, ProxyTables } from './routing/tables.ts';

/** A connection that doesn't exist. `sni` null: the client sends none. `userAgent` null: no request is considered. */
export interface Hypothetical {
  readonly ip: IpAddress;
  readonly sni: string | null;
  readonly userAgent: string | null;
  readonly alpn: readonly string[];
}

export interface ExplainStep {
  readonly step: string;
  readonly result: 'pass' | 'decide' | 'skip';
  readonly detail: string;
  readonly rule: string;
}

export interface Explanation {
  readonly steps: readonly ExplainStep[];
  readonly outcome: 'relay' | 'terminate' | 'refuse';
  readonly reason: Reason | null;
  readonly rule: string;
  readonly route: Route | null;
}

/** Runs the decision functions of the data path, in its order, and says what each of them answers (PX-14). Counts nothing. */
export function explain(tables: ProxyTables, listener: ListenerTable, connection: Hypothetical): Explanation {
  const steps: ExplainStep[] = [];
  const step = (name: string, result: ExplainStep['result'], detail: string, rule = ''): void => {
    steps.push({ step: name, result, detail, rule });
  };
  const refuse = (reason: Reason, rule: string, route: Route | null = null): Explanation => ({
    steps,
    outcome: 'refuse',
    reason,
    rule,
    route,
  });

  if (listener.spec.proxyProtocol) {
    step(
      'proxy_header',
      'pass',
      `the address is the one in the PROXY header; ${connectsDirectly(listener, connection.ip)}`,
    );
  } else step('proxy_header', 'skip', 'the listener takes no PROXY header: the address is that of the socket');

  const { verdict, steps: firewallSteps } = traceFirewall(tables.firewall, connection.ip);
  for (const traced of firewallSteps) {
    step(traced.step, traced.matched ? 'decide' : 'pass', traced.detail, traced.rule);
  }
  if (verdict.kind === 'block') return refuse(verdict.reason, verdict.rule);

  const sni = connection.sni === null ? null : normaliseSni(Buffer.from(connection.sni, 'utf8'));
  if (sni?.kind === 'invalid') {
    step('client_hello', 'decide', `the SNI is no host name: ${sni.fault}`);
    return refuse('hello_invalid', `sni-${sni.fault}`);
  }
  step('client_hello', 'pass', sni ? `SNI ${sni.hostname}` : 'no SNI');

  const decision = selectRoute(listener.routes, sni?.hostname ?? null);
  if (decision.kind === 'refuse') {
    step('route', 'decide', `none of ${listener.routes.size} routes matches, and there is no default_route`);
    return refuse(decision.reason, '');
  }
  const { route, kind } = decision.match;
  step('route', 'decide', `${kind} match, ${route.mode} to ${route.backends.join(', ')}`, route.hostname);
  if (route.mode === 'l4') {
    return { steps, outcome: 'relay', reason: null, rule: route.hostname, route };
  }

  if (!route.material.certificate) {
    step('tls', 'decide', 'the route has no usable certificate: see "certs list"');
    return refuse('certificate_unavailable', '', route);
  }
  step('tls', 'pass', `terminated here; ${protocolOf(connection.alpn)}`);
  if (connection.userAgent === null) step('policies', 'skip', 'no User-Agent was given');
  else {
    const policy = evaluatePolicies(route.policies, connection.userAgent, () => true);
    if (policy.kind === 'deny') {
      step('policies', 'decide', 'the User-Agent is blocked', policy.rule);
      return refuse(policy.reason, policy.rule, route);
    }
    const required = route.policies.requireHeaders;
    step(
      'policies',
      'pass',
      required.length > 0 ? `a request must also carry ${required.join(', ')}` : 'nothing matches',
    );
  }
  return { steps, outcome: 'terminate', reason: null, rule: route.hostname, route };
}

function connectsDirectly(listener: ListenerTable, ip: IpAddress): string {
  return listener.trusts(ip)
    ? 'a peer with this address itself must send one'
    : 'a peer with this address itself may connect, but not send one';
}

function protocolOf(alpn: readonly string[]): string {
  if (alpn.length === 0) return 'without ALPN the connection speaks HTTP/1.1';
  const chosen = ['h2', 'http/1.1'].find((protocol) => alpn.includes(protocol));
  return chosen ? `ALPN chooses ${chosen}` : `ALPN offers nothing that is served here (${alpn.join(', ')})`;
}
