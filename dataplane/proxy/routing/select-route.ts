import type { Hostname } from '../../net/hostname.ts';
import type { RouteMatch, RouteTable } from './route-table.ts';

export type RouteDecision =
  | { readonly kind: 'route'; readonly match: RouteMatch }
  | { readonly kind: 'refuse'; readonly reason: 'no_sni' | 'no_route' };

const NO_SNI: RouteDecision = { kind: 'refuse', reason: 'no_sni' };
const NO_ROUTE: RouteDecision = { kind: 'refuse', reason: 'no_route' };

/** The data path's and Explain's one decision: exact, wildcard of one label, default_route, else refuse (PX-1). */
export function selectRoute(table: RouteTable, sni: Hostname | null): RouteDecision {
  const match = (sni === null ? null : table.find(sni)) ?? table.fallback();
  if (match) return { kind: 'route', match };
  return sni === null ? NO_SNI : NO_ROUTE;
}
