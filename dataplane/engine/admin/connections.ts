import type { Connection } from '../../../proto/gen/mcproxy/v1/mcproxy.ts';
import type { ConnectionView } from '../../proxy/connections.ts';
import { proxyErrors } from '../errors.ts';
import { checkText, maxLength } from './check.ts';
import type { AdminDeps, ProxyAdminHandlers } from './deps.ts';
import { hostnameFilter, ipFilter } from './filters.ts';
import { routeModes } from './words.ts';

const defaultLimit = 1_000;
const maxLimit = 10_000;

export function connectionHandlers(deps: AdminDeps): Pick<ProxyAdminHandlers, 'listConnections' | 'killConnection'> {
  return {
    async listConnections({ listener, hostname, ip, limit }) {
      const { connections, total } = await deps.connections({
        listener:
          listener === '' ? '' : deps.state.resolveListener(checkText('listener', listener, maxLength.listener)),
        hostname: hostnameFilter(hostname),
        clientIp: ipFilter(ip),
        limit: limitFrom(limit),
      });
      return { connections: connections.map(connectionTo), total };
    },
    async killConnection({ id }) {
      const killed = await deps.killConnection(checkText('id', id, maxLength.word));
      if (killed) return { connection: connectionTo(killed) };
      const message = `there is no connection ${JSON.stringify(id)}; it may have ended by itself`;
      throw proxyErrors.error('connection_not_found', message, { id });
    },
  };
}

function connectionTo(view: ConnectionView): Connection {
  return {
    id: view.id,
    listener: view.listener,
    client: view.clientIp,
    clientPort: view.clientPort,
    peer: view.peerIp,
    sni: view.sni ?? '',
    route: view.route,
    backend: view.backend,
    mode: routeModes[view.mode],
    startedAt: new Date(view.acceptedAt),
    bytesUp: view.bytesUp,
    bytesDown: view.bytesDown,
  };
}

function limitFrom(limit: number): number {
  if (limit <= maxLimit) return limit || defaultLimit;
  throw proxyErrors.error('invalid_argument', `a limit of ${limit} is more than the ${maxLimit} that are possible`, {
    field: 'limit',
  });
}
