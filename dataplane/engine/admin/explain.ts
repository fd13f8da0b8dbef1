import type { ListedRoute } from '../../../proto/gen/mcproxy/v1/mcproxy.ts';
import { parseIp } from '../../net/address.ts';
import type { IpAddress } from '../../net/address.ts';
import { explain } from '../../proxy/explain.ts';
import { proxyErrors } from '../errors.ts';
import { checkText, checkTexts, maxLength } from './check.ts';
import type { AdminDeps, ProxyAdminHandlers } from './deps.ts';
import { routeTo } from './model.ts';

const maxProtocols = 32;
/** RFC 7301 §3.1. */
const maxProtocolLength = 255;

export function explainHandlers(deps: AdminDeps): Pick<ProxyAdminHandlers, 'explain'> {
  const { state, tables } = deps;
  return {
    explain(request) {
      const addr = deps.state.resolveListener(checkText('listener', request.listener, maxLength.listener));
      const listener = tables.listener(addr);
      if (listener === null)
        throw proxyErrors.error('unavailable', `the listener ${addr} is not served yet; try again`);
      const { steps, outcome, reason, rule, route } = explain(tables, listener, {
        ip: ipFrom(request.ip),
        sni: request.sni ?? null,
        userAgent:
          request.userAgent === undefined ? null : checkText('user_agent', request.userAgent, maxLength.userAgent),
        alpn: checkTexts('alpn', request.alpn, maxProtocols, maxProtocolLength),
      });
      return {
        steps: steps.map((step) => ({ ...step })),
        outcome,
        reason: reason ?? '',
        rule,
        route: route ? listed(addr, route.hostname) : undefined,
      };
    },
  };

  /** The route as it was given: the one that decides has the policies of the API among its own. */
  function listed(listener: string, hostname: string): ListedRoute | undefined {
    const view = state.routes(listener).find(({ spec }) => spec.hostname === hostname);
    return view && routeTo(view);
  }
}

function ipFrom(text: string): IpAddress {
  const ip = parseIp(checkText('ip', text, maxLength.word));
  if (ip !== null) return ip;
  const message = text === '' ? 'ip is missing' : `${JSON.stringify(text)} is not an IP address`;
  throw proxyErrors.error('invalid_argument', `${message}; give one such as 203.0.113.9 or 2001:db8::9`, {
    field: 'ip',
  });
}
