import { defineService } from '../../../mcdsl/grpc/index.ts';
import type { AuthorizationMap, ServedService } from '../../../mcdsl/grpc/index.ts';
import { ProxyAdminService } from '../../../proto/gen/mcproxy/v1/mcproxy.ts';
import { certificateHandlers } from './certificates.ts';
import { changeSetHandlers } from './change-set.ts';
import { connectionHandlers } from './connections.ts';
import type { AdminDeps } from './deps.ts';
import { eventHandlers } from './events.ts';
import { explainHandlers } from './explain.ts';
import { firewallHandlers } from './firewall.ts';
import { policyHandlers } from './policies.ts';
import { routeHandlers } from './routes.ts';
import { statusHandlers } from './status.ts';

/** Every RPC by name: whoever the permissions of the socket let in may call all of them. */
const authorization: AuthorizationMap<typeof ProxyAdminService> = {
  listListeners: 'socket',
  listRoutes: 'socket',
  addRoute: 'socket',
  removeRoute: 'socket',
  getFirewall: 'socket',
  addFirewallRule: 'socket',
  removeFirewallRule: 'socket',
  setRateLimit: 'socket',
  listPolicies: 'socket',
  addPolicy: 'socket',
  removePolicy: 'socket',
  explain: 'socket',
  events: 'socket',
  listConnections: 'socket',
  killConnection: 'socket',
  apply: 'socket',
  confirm: 'socket',
  export: 'socket',
  listCertificates: 'socket',
  reloadCertificates: 'socket',
  getStatus: 'socket',
  getStats: 'socket',
  drain: 'socket',
};

/** `mcproxy.v1.ProxyAdmin`, ready for the admin socket. */
export function createProxyAdmin(deps: AdminDeps): ServedService {
  const handlers = {
    ...routeHandlers(deps),
    ...firewallHandlers(deps),
    ...policyHandlers(deps),
    ...explainHandlers(deps),
    ...eventHandlers(deps),
    ...connectionHandlers(deps),
    ...changeSetHandlers(deps),
    ...certificateHandlers(deps),
    ...statusHandlers(deps),
  };
  return defineService(ProxyAdminService, { handlers, authorization });
}
