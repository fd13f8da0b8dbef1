import { parseRouteHostname, whyNoHostname } from '../config/index.ts';
import { proxyErrors } from '../errors.ts';
import { checkText, maxLength } from './check.ts';
import type { AdminDeps, ProxyAdminHandlers } from './deps.ts';
import { policyFrom, policyTo } from './model.ts';

export function policyHandlers({
  state,
}: AdminDeps): Pick<ProxyAdminHandlers, 'listPolicies' | 'addPolicy' | 'removePolicy'> {
  return {
    listPolicies({ listener, hostname }) {
      const filter = {
        listener: checkText('listener', listener, maxLength.listener),
        hostname: hostnameFrom(hostname),
      };
      return { policies: state.policies(filter).map(policyTo) };
    },
    async addPolicy({ policy }) {
      const { policy: added, changed, generation } = await state.addPolicy(policyFrom(policy));
      return { policy: policyTo(added), changed, generation };
    },
    async removePolicy({ policy }) {
      const { generation } = await state.removePolicy(policyFrom(policy));
      return { generation };
    },
  };
}

/** Empty stays empty: all. */
function hostnameFrom(text: string): string {
  checkText('hostname', text, maxLength.hostname);
  const hostname = text === '' ? '' : parseRouteHostname(text);
  if (hostname !== null) return hostname;
  throw proxyErrors.error('invalid_argument', whyNoHostname(text), { field: 'hostname' });
}
