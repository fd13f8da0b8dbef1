import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatAddress, parseHostPort, parseListenAddress } from './addresses.ts';

describe('addresses', () => {
  it.each([
    ['10.0.0.7:8443', { host: '10.0.0.7', port: 8443 }],
    ['[fd00::7]:8443', { host: 'fd00::7', port: 8443 }],
    ['app.internal:1', { host: 'app.internal', port: 1 }],
    ['app_1:65535', { host: 'app_1', port: 65535 }],
    ['a.example.:80', { host: 'a.example.', port: 80 }],
  ])('reads the backend %s', (text, value) => {
    expect(parseHostPort(text)).toEqual({ ok: true, value });
    expect(formatAddress(value)).toBe(text);
  });

  it.each([
    ['10.0.0.7', 'has no port'],
    ['10.0.0.7:', 'has no port'],
    ['10.0.0.7:https', 'does not end in a port number'],
    ['fd00::7', 'without brackets'],
    ['fd00::7:8443', 'without brackets'],
    ['https://a:1', 'is a URL'],
    ['a:0', 'port 0'],
    ['a:65536', 'above 65535'],
    ['a:123456', 'port number'],
    [':80', 'has no host'],
    ['[10.0.0.7]:80', 'not an IPv6 address'],
    ['[fd00::7:80', ''],
    ['256.1.1.1:80', 'not a host name'],
    ['10.0.0:80', 'not a host name'],
    ['-a:80', 'not a host name'],
    ['a..b:80', 'not a host name'],
    ['a b:80', 'not a host name'],
    ['a/24:80', 'not a host name'],
    [`${'a'.repeat(64)}:80`, 'not a host name'],
    ['', 'has no port'],
  ])('refuses the backend %j: %s', (text, reason) => {
    const parsed = parseHostPort(text);
    expect(parsed.ok ? 'accepted' : parsed.reason).toContain(reason);
    expect(parsed.ok).toBe(false);
  });

  it.each([
    [':443', { kind: 'tcp', host: null, port: 443 }],
    ['127.0.0.1:0', { kind: 'tcp', host: '127.0.0.1', port: 0 }],
    ['[::1]:9091', { kind: 'tcp', host: '::1', port: 9091 }],
    ['fd:https', { kind: 'fd', name: 'https' }],
  ] as const)('reads the listener %s', (text, value) => {
    expect(parseListenAddress(text)).toEqual({ ok: true, value });
    expect(formatAddress(value)).toBe(text);
  });

  it.each(['fd:', 'fd:a:b', 'fd:a b', '', '443', ':', '::443', '*:443'])('refuses the listener %j', (text) => {
    expect(parseListenAddress(text).ok).toBe(false);
  });

  it('never throws, and reads back what it writes', () => {
    const text = fc.oneof(
      fc.string(),
      fc.stringMatching(/^[a-f0-9.:[\]]{0,20}:[0-9]{0,6}$/),
      fc.ipV6().map((ip) => `[${ip}]:80`),
    );
    fc.assert(
      fc.property(text, (input) => {
        const parsed = parseListenAddress(input);
        if (parsed.ok) expect(parseListenAddress(formatAddress(parsed.value))).toEqual(parsed);
        parseHostPort(input);
      }),
      { numRuns: 1000 },
    );
  });
});
