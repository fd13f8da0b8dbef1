import { checkText, maxLength } from './check.ts';
import type { AdminDeps, ProxyAdminHandlers } from './deps.ts';
import { hostnameFilter } from './filters.ts';
import { policyFrom, policyTo } from './model.ts';

export function policyHandlers({
  state,
}: AdminDeps): Pick<ProxyAdminHandlers, 'listPolicies' | 'addPolicy' | 'removePolicy'> {
  return {
    listPolicies({ listener, hostname }) {
      const filter = {
        listener: checkText('listener', listener, maxLength.listener),
        hostname: hostnameFilter(hostname),
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
