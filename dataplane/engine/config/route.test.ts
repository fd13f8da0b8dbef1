import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { parseRoute, type RouteInput } from './index.ts';

const hostnames = fc.oneof(
  fc.domain(),
  fc.domain().map((name) => `*.${name}`),
  fc.string(),
  fc.ipV4(),
);
const backends = fc.oneof(
  fc.tuple(fc.domain(), fc.nat(70_000)).map(([host, port]) => `${host}:${port}`),
  fc.string(),
);
const inputs: fc.Arbitrary<RouteInput> = fc.record(
  {
    hostname: hostnames,
    backends: fc.array(backends, { maxLength: 3 }),
    mode: fc.constantFrom('l4', 'l7', 'l5', ''),
    tlsCert: fc.constantFrom('', '/a.pem', '\n'),
    tlsKey: fc.constantFrom('', '/a.key'),
    backendTls: fc.boolean(),
    backendVerify: fc.constantFrom('', 'none', 'ca', 'x'),
    backendServerName: fc.oneof(fc.constant(''), fc.domain(), fc.string()),
    backendProtocol: fc.constantFrom('', 'auto', 'h2', 'h2c', 'spdy'),
    health: fc.record(
      {
        check: fc.constantFrom('', 'off', 'tcp', 'http', 'icmp'),
        intervalMs: fc.constantFrom(0, 50, 1_000, 5_000),
        timeoutMs: fc.constantFrom(0, 1_000, 3_000),
        path: fc.constantFrom('', '/', '/a?b', 'a', '/#'),
        host: fc.oneof(fc.constant(''), fc.domain(), fc.string()),
        fall: fc.nat(101),
        rise: fc.nat(2),
      },
      { requiredKeys: [] },
    ),
    blockUserAgents: fc.array(fc.string(), { maxLength: 3 }),
    requireHeaders: fc.array(fc.string(), { maxLength: 3 }),
  },
  { requiredKeys: ['hostname', 'backends', 'mode'] },
);

describe('routes', () => {
  it('is either in normal form, and then parses to itself, or refused with problems', () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const parsed = parseRoute(input);
        if (parsed.kind === 'invalid') {
          expect(parsed.problems.length).toBeGreaterThan(0);
          return;
        }
        const { policies, ...rest } = parsed.spec;
        expect(parseRoute({ ...rest, ...policies })).toEqual(parsed);
      }),
    );
  });

  it('bounds its lists', () => {
    const base = { hostname: 'a.test', mode: 'l4' };
    const many = Array.from({ length: 65 }, (_, index) => `b${index}.test:1`);
    expect(parseRoute({ ...base, backends: many })).toMatchObject({
      kind: 'invalid',
      problems: [{ field: 'backends' }],
    });
    const agents = Array.from({ length: 1_001 }, (_, index) => `agent ${index}`);
    const l7 = { ...base, mode: 'l7', backends: ['a:1'], tlsCert: '/c', tlsKey: '/k', blockUserAgents: agents };
    expect(parseRoute(l7)).toMatchObject({ kind: 'invalid', problems: [{ field: 'block_user_agents' }] });
  });

  it('reports every problem of a route at once', () => {
    const parsed = parseRoute({ hostname: '*', backends: [], mode: 'tcp', backendVerify: 'some', tlsCert: 'a\0b' });
    expect(parsed).toMatchObject({ kind: 'invalid' });
    if (parsed.kind === 'invalid') {
      const fields = parsed.problems.map((problem) => problem.field);
      expect(new Set(fields)).toEqual(new Set(['hostname', 'backends', 'mode', 'backend_verify', 'tls_cert']));
    }
  });
});
