import { checkText, maxLength } from './check.ts';
import type { AdminDeps, ProxyAdminHandlers } from './deps.ts';
import { routeFrom, routeTo } from './model.ts';

export function routeHandlers({
  state,
}: AdminDeps): Pick<ProxyAdminHandlers, 'listRoutes' | 'addRoute' | 'removeRoute'> {
  return {
    listRoutes: ({ listener }) => ({
      routes: state.routes(checkText('listener', listener, maxLength.listener)).map(routeTo),
    }),
    async addRoute({ listener, route }) {
      const addr = checkText('listener', listener, maxLength.listener);
      const { route: added, changed, generation, warnings } = await state.addRoute(addr, routeFrom(route));
      return { route: routeTo(added), changed, generation, warnings: [...warnings] };
    },
    async removeRoute({ listener, hostname, kill }) {
      const addr = checkText('listener', listener, maxLength.listener);
      const host = checkText('hostname', hostname, maxLength.hostname);
      const { generation } = await state.removeRoute(addr, host, { kill });
      return { generation };
    },
  };
}
