import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BackendAddressError, createBackendPool, createResolver, NONE_TRIED, parseBackendAddress } from './index.ts';

describe('parseBackendAddress', () => {
  it('takes names and addresses with a port', () => {
    expect(parseBackendAddress('10.0.0.7:8443')).toEqual({ host: '10.0.0.7', port: 8443, ip: '10.0.0.7' });
    expect(parseBackendAddress('[::1]:80')).toEqual({ host: '::1', port: 80, ip: '::1' });
    expect(parseBackendAddress('app.internal:80')).toEqual({ host: 'app.internal', port: 80, ip: null });
  });

  it.each(['', ':80', 'a', 'a:', 'a:0', 'a:65536', '::1:80', '[a]:80', 'a b:1', '[127.0.0.1]:80', 'a:-1', 'a:1 '])(
    'refuses %j',
    (text) => expect(parseBackendAddress(text)).toBeNull(),
  );
});

describe('resolver', () => {
  it('answers numeric backends without waiting', () => {
    using resolver = createResolver({ lookupAll: () => Promise.reject(new Error('not asked')) });
    expect(resolver.resolved('127.0.0.1:80')).toEqual({ ips: ['127.0.0.1'], port: 80 });
  });

  it('looks a name up once, shares the lookup under way and keeps the answer', async () => {
    let lookups = 0;
    using resolver = createResolver({ lookupAll: async () => (lookups++, ['127.0.0.2', '127.0.0.3']) });
    expect(resolver.resolved('b.test:81')).toBeNull();
    const answers = await Promise.all([resolver.resolve('b.test:81'), resolver.resolve('b.test:82')]);
    expect(answers[0]).toEqual({ ips: ['127.0.0.2', '127.0.0.3'], port: 81 });
    expect(answers[1].port).toBe(82);
    expect(resolver.resolved('b.test:81')?.ips[0]).toBe('127.0.0.2');
    expect(lookups).toBe(1);
  });

  it('keeps a stale answer while the resolver fails', async () => {
    let healthy = true;
    let lookups = 0;
    using resolver = createResolver({
      ttlMs: 0,
      lookupAll: async () => {
        lookups++;
        if (!healthy) throw new Error('SERVFAIL');
        return ['127.0.0.9'];
      },
    });
    await resolver.resolve('c.test:1');
    healthy = false;
    expect(resolver.resolved('c.test:1')?.ips).toEqual(['127.0.0.9']);
    expect((await resolver.resolve('c.test:1')).ips).toEqual(['127.0.0.9']);
    expect(lookups).toBeGreaterThan(1);
  });

  it('tells names that do not resolve and malformed backends apart by message', async () => {
    using resolver = createResolver({ lookupAll: () => Promise.reject(new Error('ENOTFOUND')) });
    await expect(resolver.resolve('gone.test:1')).rejects.toThrow('the name does not resolve');
    expect(() => resolver.resolved('no-port')).toThrow(BackendAddressError);
  });

  it('bounds its table of names', async () => {
    let lookups = 0;
    using resolver = createResolver({ maxNames: 2, lookupAll: async () => (lookups++, ['127.0.0.1']) });
    for (const name of ['a', 'b', 'c', 'a']) await resolver.resolve(`${name}.test:1`);
    expect(lookups).toBe(4);
  });
});

describe('backend pool', () => {
  it('PX-7 prefers the less busy of two', () => {
    const pool = createBackendPool(['a:1', 'b:1']);
    pool.backends[0]!.opened();
    for (let i = 0; i < 20; i++) expect(pool.pick(NONE_TRIED)?.address).toBe('b:1');
  });

  it('PX-7 spreads load within a factor over many backends', () => {
    const pool = createBackendPool(Array.from({ length: 10 }, (_, i) => `h${i}:1`));
    for (let i = 0; i < 1000; i++) pool.pick(NONE_TRIED)!.opened();
    for (const backend of pool.backends) expect(Math.abs(backend.active - 100)).toBeLessThan(20);
  });

  it('PX-7 ejects after consecutive connect failures, backs off, and recovers', () => {
    let now = 0;
    const pool = createBackendPool(['a:1', 'b:1'], { now: () => now, ejectMs: 100 });
    const [a] = pool.backends;
    for (let i = 0; i < 3; i++) a!.connectFailed();
    expect(a!.ejected).toBe(true);
    for (let i = 0; i < 20; i++) expect(pool.pick(NONE_TRIED)?.address).toBe('b:1');
    now = 101;
    expect(a!.ejected).toBe(false);
    a!.connectFailed();
    now = 250;
    expect(a!.ejected).toBe(true);
    now = 302;
    expect(a!.ejected).toBe(false);
    a!.opened();
    a!.connectFailed();
    expect(a!.ejected).toBe(false);
  });

  it('PX-7 tries an ejected backend rather than none, and never one that was tried', () => {
    let now = 0;
    const pool = createBackendPool(['a:1', 'b:1'], { now: () => now });
    for (const backend of pool.backends) {
      for (let i = 0; i < 3; i++) backend.connectFailed();
      now += 10;
    }
    expect(pool.pick(NONE_TRIED)?.address).toBe('a:1');
    expect(pool.pick(new Set(['a:1']))?.address).toBe('b:1');
    expect(pool.pick(new Set(['a:1', 'b:1']))).toBeNull();
  });

  it('PX-7 a backend that fails its health checks gets no connections while another one can have them', () => {
    const down = new Set([0]);
    const pool = createBackendPool(['a:1', 'b:1', 'c:1'], { isDown: (index) => down.has(index) });
    for (let i = 0; i < 50; i++) expect(pool.pick(NONE_TRIED)?.address).not.toBe('a:1');
    // Even one that connections to have failed comes first.
    for (const backend of pool.backends.slice(1)) for (let i = 0; i < 3; i++) backend.connectFailed();
    expect(pool.pick(NONE_TRIED)?.address).toBe('b:1');
    expect(pool.pick(new Set(['b:1', 'c:1']))?.address).toBe('a:1');
    expect(pool.pick(new Set(['a:1', 'b:1', 'c:1']))).toBeNull();
  });

  it('PX-7 shares the load among all when every backend fails its health checks', () => {
    const pool = createBackendPool(['a:1', 'b:1', 'c:1'], { isDown: () => true });
    for (let i = 0; i < 300; i++) pool.pick(NONE_TRIED)!.opened();
    for (const backend of pool.backends) expect(Math.abs(backend.active - 100)).toBeLessThan(20);
  });

  it('PX-22 tells each connect failure, and the one that begins an ejection', () => {
    let now = 0;
    const told: string[] = [];
    const pool = createBackendPool(['a:1', 'b:1'], {
      now: () => now,
      onConnectFailed: (address, isEjected) => told.push(`${address} ${isEjected}`),
    });
    for (let i = 0; i < 4; i++) pool.backends[0]!.connectFailed();
    now = 100_000;
    pool.backends[0]!.connectFailed();
    expect(told).toEqual(['a:1 false', 'a:1 false', 'a:1 true', 'a:1 false', 'a:1 true']);
  });

  it('picks an untried backend whenever there is one', () => {
    const names = ['a:1', 'b:1', 'c:1', 'd:1'];
    fc.assert(
      fc.property(fc.subarray(names), fc.subarray(names), fc.subarray(names), (tried, failing, down) => {
        const pool = createBackendPool(names, { isDown: (index) => down.includes(names[index] ?? '') });
        for (const backend of pool.backends) {
          if (failing.includes(backend.address)) for (let i = 0; i < 3; i++) backend.connectFailed();
        }
        const picked = pool.pick(new Set(tried));
        expect(picked === null).toBe(tried.length === names.length);
        if (picked) expect(tried).not.toContain(picked.address);
        const healthy = names.filter((name) => ![tried, failing, down].some((list) => list.includes(name)));
        if (picked && healthy.length > 0) expect(healthy).toContain(picked.address);
      }),
    );
  });
});
