import type { Listener } from '../../../proto/gen/mcproxy/v1/mcproxy.ts';
import type { ListenerView } from '../state/index.ts';
import type { AdminDeps, BoundListener, ProxyAdminHandlers } from './deps.ts';
import { geoipTo } from './firewall.ts';

export function statusHandlers(
  deps: AdminDeps,
): Pick<ProxyAdminHandlers, 'listListeners' | 'getStatus' | 'getStats' | 'drain'> {
  const { state } = deps;
  const listeners = (): Listener[] => {
    const bound = new Map(deps.bound().map((listener) => [listener.addr, listener]));
    return state.listeners().map((view) => listenerTo(view, bound.get(view.spec.addr)));
  };
  const activeConnections = (): number => deps.bound().reduce((sum, { active }) => sum + active, 0);
  return {
    listListeners: () => ({ listeners: listeners() }),
    getStatus() {
      const { warnings, startedAt, ...server } = deps.server();
      const unconfirmed = state.unconfirmed();
      return {
        ...server,
        startedAt,
        generation: state.generation,
        listeners: listeners(),
        warnings: [...warnings, ...state.warnings()],
        activeConnections: activeConnections(),
        geoip: geoipTo(deps.geoip()),
        unconfirmed: unconfirmed
          ? { revertAt: new Date(unconfirmed.revertAtMs), generation: unconfirmed.generation }
          : undefined,
      };
    },
    async getStats() {
      const samples = await deps.stats();
      return { stats: samples.map(({ name, labels, value }) => ({ name, labels: { ...labels }, value })) };
    },
    drain() {
      deps.drain();
      return { activeConnections: activeConnections() };
    },
  };
}

function listenerTo({ spec, routes }: ListenerView, bound: BoundListener | undefined): Listener {
  return {
    addr: spec.addr,
    boundHost: bound?.host ?? '',
    boundPort: bound?.port ?? 0,
    proxyProtocol: spec.proxyProtocol,
    trustedProxies: [...spec.trustedProxies],
    defaultRoute: spec.defaultRoute,
    maxConnections: spec.maxConnections,
    redirectHttp: spec.redirectHttp,
    routes,
    activeConnections: bound?.active ?? 0,
  };
}
