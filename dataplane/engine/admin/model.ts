import { isAbsolute } from 'node:path';

import type * as proto from '../../../proto/gen/mcproxy/v1/mcproxy.ts';
import type { FirewallRule } from '../../firewall/index.ts';
import { MAX_BACKENDS, MAX_POLICIES, type RouteInput } from '../config/index.ts';
import { proxyErrors } from '../errors.ts';
import type { FirewallView, PolicyInput, PolicyView, RouteView } from '../state/index.ts';
import { checkText, checkTexts, maxLength, required } from './check.ts';
import { origins, policyKinds, routeModes, ruleKinds, wordOf } from './words.ts';

/** Messages of the contract to the model and back. What comes in is bounded and checked here as far as its form goes. */

/** @throws invalid_argument, route_invalid */
export function routeFrom(message: proto.Route | undefined): RouteInput {
  const route = required('route', message);
  return {
    hostname: checkText('hostname', route.hostname, maxLength.hostname),
    backends: checkTexts('backends', route.backends, MAX_BACKENDS, maxLength.backend),
    mode: wordOf(routeModes, route.mode) ?? (route.mode === 0 ? '' : String(route.mode)),
    sendProxyProtocol: route.sendProxyProtocol,
    tlsCert: pathFrom('tls_cert', route.tlsCert),
    tlsKey: pathFrom('tls_key', route.tlsKey),
    backendTls: route.backendTls,
    backendVerify: checkText('backend_verify', route.backendVerify, maxLength.word),
    backendCa: pathFrom('backend_ca', route.backendCa),
    backendServerName: checkText('backend_server_name', route.backendServerName, maxLength.hostname),
    backendProtocol: checkText('backend_protocol', route.backendProtocol, maxLength.word),
    clientCa: pathFrom('client_ca', route.clientCa),
    forwardedHeaders: checkText('forwarded_headers', route.forwardedHeaders, maxLength.word),
    health: {
      check: checkText('health_check', route.healthCheck, maxLength.word),
      intervalMs: route.healthIntervalMs,
      timeoutMs: route.healthTimeoutMs,
      path: checkText('health_path', route.healthPath, maxLength.path),
      host: checkText('health_host', route.healthHost, maxLength.hostname),
      fall: route.healthFall,
      rise: route.healthRise,
    },
    blockUserAgents: checkTexts('block_user_agents', route.blockUserAgents, MAX_POLICIES, maxLength.value),
    requireHeaders: checkTexts('require_headers', route.requireHeaders, MAX_POLICIES, maxLength.value),
  };
}

export function routeTo({ listener, spec, origin, shadowsConfig }: RouteView): proto.ListedRoute {
  return {
    listener,
    route: {
      hostname: spec.hostname,
      backends: [...spec.backends],
      mode: routeModes[spec.mode],
      sendProxyProtocol: spec.sendProxyProtocol,
      tlsCert: spec.tlsCert,
      tlsKey: spec.tlsKey,
      backendTls: spec.backendTls,
      backendVerify: spec.backendVerify,
      backendCa: spec.backendCa,
      backendServerName: spec.backendServerName,
      backendProtocol: spec.backendProtocol,
      clientCa: spec.clientCa,
      forwardedHeaders: spec.forwardedHeaders,
      healthCheck: spec.health.check,
      healthIntervalMs: spec.health.intervalMs,
      healthTimeoutMs: spec.health.timeoutMs,
      healthPath: spec.health.path,
      healthHost: spec.health.host,
      healthFall: spec.health.fall,
      healthRise: spec.health.rise,
      blockUserAgents: [...spec.policies.blockUserAgents],
      requireHeaders: [...spec.policies.requireHeaders],
      origin: origins[origin],
      shadowsConfig,
    },
  };
}

/** @throws invalid_argument, rule_invalid */
export function ruleFrom(message: proto.FirewallRule | undefined): FirewallRule {
  const rule = required('rule', message);
  const kind = wordOf(ruleKinds, rule.kind);
  if (kind === null) {
    const known = Object.keys(ruleKinds).join(', ');
    throw proxyErrors.error('rule_invalid', `${rule.kind} is no kind of rule; there are ${known}`, { field: 'kind' });
  }
  return { kind, value: checkText('value', rule.value, maxLength.value) };
}

export function ruleTo(rule: FirewallRule, origin: keyof typeof origins): proto.FirewallRule {
  return { kind: ruleKinds[rule.kind], value: rule.value, origin: origins[origin] };
}

type RateLimitView = Pick<FirewallView, 'rateLimit' | 'rateLimitOrigin' | 'ratePrefixV4' | 'ratePrefixV6'>;

export function rateLimitTo(view: RateLimitView): proto.RateLimit {
  const { rateLimit, rateLimitOrigin, ratePrefixV4, ratePrefixV6 } = view;
  return {
    limit: rateLimit.limit,
    windowMs: rateLimit.windowMs,
    prefixV4: ratePrefixV4,
    prefixV6: ratePrefixV6,
    origin: origins[rateLimitOrigin],
  };
}

/** @throws invalid_argument, policy_invalid */
export function policyFrom(message: proto.Policy | undefined): PolicyInput {
  const policy = required('policy', message);
  const kind = wordOf(policyKinds, policy.kind);
  if (kind === null) {
    const known = Object.keys(policyKinds).join(', ');
    const problem = `${policy.kind} is no kind of policy; there are ${known}`;
    throw proxyErrors.error('policy_invalid', problem, { field: 'kind' });
  }
  return {
    listener: checkText('listener', policy.listener, maxLength.listener),
    hostname: checkText('hostname', policy.hostname, maxLength.hostname),
    kind,
    value: checkText('value', policy.value, maxLength.value),
  };
}

export function policyTo({ listener, hostname, kind, value, origin }: PolicyView): proto.Policy {
  return { listener, hostname, kind: policyKinds[kind], value, origin: origins[origin] };
}

/** A relative path would mean another file after a start from another directory. */
function pathFrom(field: string, path: string): string {
  checkText(field, path, maxLength.path);
  if (path === '' || isAbsolute(path)) return path;
  const message = `${field} is ${JSON.stringify(path)}; give the absolute path of the file on the server's machine`;
  throw proxyErrors.error('route_invalid', message, { field });
}
