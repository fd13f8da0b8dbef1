import { describe, expect, it } from 'vitest';

import { listenEndpoint, parseListenerAddress } from './index.ts';

describe('listener addresses', () => {
  it('become what is bound', () => {
    const inherited = new Map([['public', 3]]);
    expect(listenEndpoint(':443', inherited)).toEqual({ kind: 'tcp', host: '::', port: 443 });
    expect(listenEndpoint('localhost:0', inherited)).toEqual({ kind: 'tcp', host: '127.0.0.1', port: 0 });
    expect(listenEndpoint('[2001:DB8::1]:443', inherited)).toEqual({ kind: 'tcp', host: '2001:db8::1', port: 443 });
    expect(listenEndpoint('fd:public', inherited)).toEqual({ kind: 'fd', fd: 3 });
  });

  it('say which sockets were passed when the named one was not', () => {
    expect(() => listenEndpoint('fd:admin', new Map([['public', 3]]))).toThrow(
      /no socket of this name \(passed: public\)/,
    );
    expect(() => listenEndpoint('fd:admin', new Map())).toThrow(/passed: none/);
  });

  it.each(['', '443', ':', ':x', 'a.test:443', '[::1]', '192.0.2.256:1', 'fd:', 'fd:a:b'])('refuse %j', (text) => {
    expect(parseListenerAddress(text).ok).toBe(false);
  });
});
