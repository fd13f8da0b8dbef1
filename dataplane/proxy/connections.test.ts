import { describe, expect, it } from 'vitest';
import { ConnectionRegistry, mergePages, type ConnectionFilter, type LiveConnection } from './connections.ts';
import type { Route } from './model.ts';

const all: ConnectionFilter = { listener: '', hostname: '', clientIp: '', limit: 100 };

interface Fake {
  readonly listener?: string;
  readonly clientIp?: string;
  readonly sni?: string | null;
  readonly route?: string;
  readonly acceptedAt?: number;
}

function live(id: string, fake: Fake = {}, killed: string[] = []): LiveConnection {
  const { listener = ':443', clientIp = '192.0.2.1', sni = 'a.test', route = 'a.test', acceptedAt = 0 } = fake;
  return {
    info: {
      id,
      listener,
      clientIp,
      clientPort: 50_000,
      peerIp: clientIp,
      localIp: '192.0.2.9',
      localPort: 443,
      proxied: false,
      sni,
      viaId: null,
      acceptedAt,
    },
    route: { hostname: route, mode: 'l4' } as Route,
    traffic: () => ({ backend: '10.0.0.1:1', bytesUp: 1, bytesDown: 2 }),
    kill: () => killed.push(id),
  };
}

const ids = (registry: ConnectionRegistry, filter: Partial<ConnectionFilter>): string[] =>
  registry.list({ ...all, ...filter }).connections.map(({ id }) => id);

describe('the registry of connections', () => {
  it('lists the oldest first, by listener, host name and client, and counts beyond the limit', () => {
    const registry = new ConnectionRegistry();
    const first = live('1');
    registry.add(first);
    registry.add(live('2', { listener: ':8443', clientIp: '2001:db8::1' }));
    registry.add(live('3', { sni: 'b.test', route: '*.test' }));
    registry.add(live('4', { sni: null, route: 'default.test' }));
    expect(ids(registry, {})).toEqual(['1', '2', '3', '4']);
    expect(ids(registry, { listener: ':8443' })).toEqual(['2']);
    expect(ids(registry, { clientIp: '192.0.2.1' })).toEqual(['1', '3', '4']);
    expect(ids(registry, { hostname: 'b.test' })).toEqual(['3']);
    expect(ids(registry, { hostname: '*.test' })).toEqual(['3']);
    expect(ids(registry, { hostname: 'default.test', listener: ':443' })).toEqual(['4']);
    expect(registry.list({ ...all, limit: 2 })).toMatchObject({ connections: [{ id: '1' }, { id: '2' }], total: 4 });
    registry.remove(first);
    expect(ids(registry, { limit: 2 })).toEqual(['2', '3']);
  });

  it('kills one by its id, and says what it was', () => {
    const killed: string[] = [];
    const registry = new ConnectionRegistry();
    registry.add(live('1', {}, killed));
    registry.add(live('2', {}, killed));
    expect(registry.kill('2')).toMatchObject({ id: '2', route: 'a.test', backend: '10.0.0.1:1', bytesDown: 2 });
    expect(registry.kill('3')).toBeNull();
    expect(killed).toEqual(['2']);
  });

  it('PX-17 kills those of one route of one listener', () => {
    const killed: string[] = [];
    const registry = new ConnectionRegistry();
    registry.add(live('1', {}, killed));
    registry.add(live('2', { listener: ':8443' }, killed));
    registry.add(live('3', { sni: 'a.test', route: '*.test' }, killed));
    expect(registry.killRoute(':443', 'a.test')).toBe(1);
    expect(killed).toEqual(['1']);
  });

  it('merges the pages of several workers, the oldest of all first', () => {
    const [one, two] = [new ConnectionRegistry(), new ConnectionRegistry()];
    one.add(live('1', { acceptedAt: 10 }));
    one.add(live('3', { acceptedAt: 30 }));
    two.add(live('2', { acceptedAt: 20 }));
    const page = mergePages([one.list(all), two.list(all)], 2);
    expect(page.connections.map(({ id }) => id)).toEqual(['1', '2']);
    expect(page.total).toBe(3);
  });
});
