import { wildcardOf, type Hostname } from '../../net/hostname.ts';
import type { Route } from '../model.ts';

export type MatchKind = 'exact' | 'wildcard' | 'default';

export interface RouteMatch {
  readonly kind: MatchKind;
  readonly route: Route;
}

/**
 * The routes of one listener (PX-1). Each route is immutable; a change swaps one reference in one turn of the loop, so a lookup sees
 * the table before or after it. A lookup is at most three Map reads, whatever the number of routes.
 */
export class RouteTable {
  readonly #routes: Map<string, Route>;
  #defaultHost: string;

  constructor(routes: Iterable<Route>, defaultHost: string) {
    this.#routes = new Map();
    for (const route of routes) this.#routes.set(route.hostname, route);
    this.#defaultHost = defaultHost;
  }

  get size(): number {
    return this.#routes.size;
  }

  setDefaultHost(hostname: string): void {
    this.#defaultHost = hostname;
  }

  /** Exact, then the wildcard of one label. */
  find(hostname: Hostname): RouteMatch | null {
    const exact = this.#routes.get(hostname);
    if (exact) return { kind: 'exact', route: exact };
    const wildcard = wildcardOf(hostname);
    const match = wildcard === null ? undefined : this.#routes.get(wildcard);
    return match ? { kind: 'wildcard', route: match } : null;
  }

  /** The route whose host name is `default_route`. */
  fallback(): RouteMatch | null {
    if (this.#defaultHost === '') return null;
    const route = this.#routes.get(this.#defaultHost);
    return route ? { kind: 'default', route } : null;
  }

  /** Returns the route that was replaced. */
  put(route: Route): Route | null {
    const before = this.#routes.get(route.hostname) ?? null;
    this.#routes.set(route.hostname, route);
    return before;
  }

  remove(hostname: string): Route | null {
    const before = this.#routes.get(hostname) ?? null;
    this.#routes.delete(hostname);
    return before;
  }

  values(): IterableIterator<Route> {
    return this.#routes.values();
  }
}
