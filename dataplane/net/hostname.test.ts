import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatIp } from './address.ts';
import { normaliseSni, parseAuthority, parseHostname, parseWildcard, wildcardOf } from './hostname.ts';
import type { HostnameFault } from './hostname.ts';

const label = fc.stringMatching(/^[a-z0-9](?:[a-z0-9_-]{0,20}[a-z0-9])?$/).filter((text) => !text.startsWith('xn--'));
const name = fc
  .tuple(fc.array(label, { maxLength: 6 }), fc.stringMatching(/^[a-z]{2,12}$/))
  .map(([labels, last]) => [...labels, last].join('.'));
const longest = [63, 63, 63, 61].map((length) => 'a'.repeat(length)).join('.');

function sni(text: string, encoding: BufferEncoding = 'latin1'): string {
  const result = normaliseSni(Buffer.from(text, encoding));
  return result.kind === 'hostname' ? result.hostname : `!${result.fault}`;
}

describe('PX-1 parseHostname', () => {
  it.each([
    ['app.example.test', 'app.example.test'],
    ['App.EXAMPLE.Test', 'app.example.test'],
    ['app.example.test.', 'app.example.test'],
    ['localhost', 'localhost'],
    ['_acme.example.test', '_acme.example.test'],
    ['r3---sn-abc.example.test', 'r3---sn-abc.example.test'],
    ['bücher.example', 'xn--bcher-kva.example'],
    ['BÜCHER.example', 'xn--bcher-kva.example'],
    ['bücher。example', 'xn--bcher-kva.example'],
    ['faß.example', 'xn--fa-hia.example'],
    ['XN--BCHER-KVA.example', 'xn--bcher-kva.example'],
    ['4.example', '4.example'],
    [longest, longest],
    [`${longest}.`, longest],
  ])('%s → %s', (text, expected) => {
    expect(parseHostname(text)).toBe(expected);
  });

  it.each([
    ['', 'nothing'],
    ['.', 'only a dot'],
    ['a..b', 'an empty label'],
    ['.a', 'a leading dot'],
    ['a.test..', 'two trailing dots'],
    ['-a.test', 'a leading hyphen'],
    ['a-.test', 'a trailing hyphen'],
    ['a b.test', 'a space'],
    [' a.test', 'white space around'],
    ['a.test\n', 'a line end'],
    ['a\0.test', 'a NUL'],
    ['a/b.test', 'a slash'],
    ['a%2etest', 'a percent sign'],
    ['bücher%2etest', 'a percent sign beside Unicode'],
    ['bücher.test/x', 'a slash beside Unicode'],
    ['bücher.test:443', 'a port beside Unicode'],
    ['*.example.test', 'a wildcard'],
    ['192.0.2.1', 'an IPv4 address'],
    ['192.0.2.1.', 'an IPv4 address with a dot'],
    ['127.1', 'a short IPv4 address'],
    ['0x7f.0x1', 'a hexadecimal IPv4 address'],
    ['2130706433', 'a numeric IPv4 address'],
    ['１２７.0.0.1', 'full-width digits'],
    ['::1', 'an IPv6 address'],
    ['[::1]', 'a bracketed IPv6 address'],
    ['xn--.test', 'an A-label of nothing'],
    ['xn--a.test', 'an A-label that decodes to ASCII or not at all'],
    ['xn--abc-.test', 'an A-label of plain ASCII'],
    ['xn--99999999.test', 'punycode that overflows'],
    [`${'a'.repeat(64)}.test`, 'a label of 64'],
    [`${longest}a`, 'a name of 254'],
    ['\u{d800}.test', 'a lone surrogate'],
  ])('refuses %j: %s', (text) => {
    expect(parseHostname(text)).toBeNull();
  });

  it('is its own inverse: what it answers parses to itself, from any text', () => {
    fc.assert(
      fc.property(fc.oneof(name, fc.string({ unit: 'grapheme' }), fc.domain()), (text) => {
        const hostname = parseHostname(text);
        if (hostname === null) return;
        expect(parseHostname(hostname)).toBe(hostname);
        expect(sni(hostname)).toBe(hostname);
        expect(hostname).toMatch(/^[a-z0-9_.-]{1,253}$/);
      }),
    );
  });

  it('accepts every well-formed name', () => {
    fc.assert(fc.property(name, (text) => parseHostname(text.toUpperCase()) === text));
  });
});

describe('PX-1 wildcards', () => {
  it('parses "*." and a host name', () => {
    expect(parseWildcard('*.Example.test.')).toBe('*.example.test');
    expect(parseWildcard('*.bücher.example')).toBe('*.xn--bcher-kva.example');
    expect(parseWildcard('*.test')).toBe('*.test');
  });

  it.each(['*', '*.', '**.test', 'a.*.test', '*a.test', 'a.test', '*.*.test', '*.192.0.2.1', `*.${longest}`])(
    'refuses %s',
    (text) => {
      expect(parseWildcard(text)).toBeNull();
    },
  );

  it('covers one label', () => {
    expect(wildcardOf(parseHostname('app.example.test')!)).toBe('*.example.test');
    expect(wildcardOf(parseHostname('a.b.example.test')!)).toBe('*.b.example.test');
    expect(wildcardOf(parseHostname('localhost')!)).toBeNull();
  });

  it('is found again by every name below it', () => {
    fc.assert(
      fc.property(label, name, (first, parent) => {
        fc.pre(first.length + parent.length < 250);
        expect(wildcardOf(parseHostname(`${first}.${parent}`)!)).toBe(parseWildcard(`*.${parent}`));
      }),
    );
  });
});

describe('PX-1 normaliseSni', () => {
  it('normalises case and exactly one trailing dot', () => {
    expect(sni('APP.Example.TEST')).toBe('app.example.test');
    expect(sni('app.example.test.')).toBe('app.example.test');
    expect(sni('XN--BCHER-KVA.example.')).toBe('xn--bcher-kva.example');
    expect(sni('app.example.test..')).toBe('!empty-label');
  });

  it.each<[string, HostnameFault]>([
    ['', 'empty'],
    ['.', 'empty'],
    ['app.example.test\0', 'nul'],
    ['app\0.example.test', 'nul'],
    ['bücher.example', 'not-ascii'],
    ['192.0.2.1', 'ip-literal'],
    ['192.0.2.1.', 'ip-literal'],
    ['2001:db8::1', 'ip-literal'],
    ['::ffff:192.0.2.1', 'ip-literal'],
    ['0x7f000001', 'ip-literal'],
    ['[2001:db8::1]', 'character'],
    ['app.example.test:443', 'character'],
    ['*.example.test', 'character'],
    ['app example.test', 'character'],
    ['.example.test', 'empty-label'],
    ['-app.example.test', 'label-hyphen'],
    [`${'a'.repeat(64)}.test`, 'label-too-long'],
    [`${longest}a`, 'too-long'],
    ['a.'.repeat(127) + 'aa', 'too-long'],
    ['a'.repeat(256), 'too-long'],
    ['xn--.test', 'label-hyphen'],
    ['app.xn--abc-.test', 'label-hyphen'],
    ['xn--a.test', 'bad-a-label'],
    ['XN--A.test', 'bad-a-label'],
    ['xn--99999999.test', 'bad-a-label'],
    // These decode, but to what encodes to something else: b + capital U-umlaut + cher, full-width digits, a ligature.
    ['xn--bcher-2pa.example', 'bad-a-label'],
    ['xn--8g7ccp.example', 'bad-a-label'],
    ['xn--jm6c.example', 'bad-a-label'],
  ])('refuses %j as %s', (text, fault) => {
    expect(sni(text)).toBe(`!${fault}`);
  });

  it('refuses UTF-8', () => {
    expect(sni('bücher.example', 'utf8')).toBe('!not-ascii');
  });

  it('never throws, and agrees with parseHostname on ASCII', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      name.map((text) => new Uint8Array(Buffer.from(text))),
    );
    fc.assert(
      fc.property(bytes, (input) => {
        const text = Buffer.from(input).toString('latin1');
        const result = normaliseSni(input);
        if (/^[\0-\x7f]*$/.test(text)) {
          expect(result.kind === 'hostname' ? result.hostname : null).toBe(parseHostname(text));
        } else {
          expect(result.kind).toBe('invalid');
        }
      }),
    );
  });
});

describe('PX-8 parseAuthority', () => {
  it.each([
    ['app.example.test', 'app.example.test', null],
    ['APP.example.test.:8443', 'app.example.test', 8443],
    ['app.example.test:', 'app.example.test', null],
    ['app.example.test:0443', 'app.example.test', 443],
    ['app.example.test:65535', 'app.example.test', 65535],
    ['192.0.2.1:80', '192.0.2.1', 80],
    ['192.0.2.1', '192.0.2.1', null],
    ['[2001:DB8::1]:443', '2001:db8::1', 443],
    ['[::1]', '::1', null],
    ['[::1]:', '::1', null],
  ])('%s', (text, host, port) => {
    const authority = parseAuthority(text)!;
    expect(authority.kind === 'ip' ? formatIp(authority.ip) : authority.hostname).toBe(host);
    expect(authority.port).toBe(port);
  });

  it.each([
    '',
    ':443',
    'a.test:65536',
    'a.test:-1',
    'a.test:+1',
    'a.test: 1',
    'a.test:1 ',
    'a.test:000443',
    'a.test:443:443',
    'user@a.test',
    'a.test/x',
    'a.test, b.test',
    'bücher.example',
    '::1',
    '2001:db8::1:443',
    '[::1',
    '[::1]443',
    '[]',
    '[192.0.2.1]',
    '[a.test]',
    '[fe80::1%eth0]',
    '127.1',
  ])('refuses %j', (text) => {
    expect(parseAuthority(text)).toBeNull();
  });

  it('never throws, and matches what SNI normalises to', () => {
    fc.assert(fc.property(fc.string(), (text) => parseAuthority(text) !== undefined));
    fc.assert(
      fc.property(name, fc.integer({ min: 0, max: 65535 }), (text, port) => {
        expect(parseAuthority(`${text}:${port}`)).toEqual({ kind: 'hostname', hostname: sni(text), port });
      }),
    );
  });
});
