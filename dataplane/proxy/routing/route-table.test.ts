import { describe, expect, it } from 'vitest';
import { parseHostname } from '../../net/hostname.ts';
import type { Route } from '../model.ts';
import { RouteTable } from './route-table.ts';
import { selectRoute } from './select-route.ts';

const route = (hostname: string): Route => ({ hostname }) as Route;

/** What a client gets that names this host: kind of match and host name of the route, or the reason. */
function answer(table: RouteTable, sni: string | null): string {
  const hostname = sni === null ? null : parseHostname(sni);
  const decision = selectRoute(table, hostname);
  return decision.kind === 'route' ? `${decision.match.kind} ${decision.match.route.hostname}` : decision.reason;
}

describe('route table', () => {
  it.each([0, 1, 98, 100, 101, 1000, 100_000])(
    'PX-1 matches the same whatever the number of routes (CVE-2026-27588), with %i others',
    (others) => {
      const more = Array.from({ length: others }, (_, index) => route(`h${index}.other.test`));
      const own = ['app.test', '*.wild.test', 'deep.wild.test', 'default.test'].map(route);
      const table = new RouteTable([...more, ...own], '');
      expect(answer(table, 'app.test')).toBe('exact app.test');
      expect(answer(table, 'APP.Test')).toBe('exact app.test');
      expect(answer(table, 'app.test.')).toBe('exact app.test');
      expect(answer(table, 'Any.WILD.test')).toBe('wildcard *.wild.test');
      expect(answer(table, 'deep.wild.test')).toBe('exact deep.wild.test');
      expect(answer(table, 'two.labels.wild.test')).toBe('no_route');
      expect(answer(table, 'wild.test')).toBe('no_route');
      expect(answer(table, 'xapp.test')).toBe('no_route');
      expect(answer(table, null)).toBe('no_sni');
      table.setDefaultHost('default.test');
      expect(answer(table, 'nobody.test')).toBe('default default.test');
      expect(answer(table, null)).toBe('default default.test');
      table.remove('default.test');
      expect(answer(table, null)).toBe('no_sni');
    },
  );
});
