import { describe, expect, it } from 'vitest';

import { createSessionCookie } from './index.ts';

function jar(value: string | null) {
  const set: string[] = [];
  return { set, cookie: () => value, addCookie: (line: string) => void set.push(line) };
}

describe('session cookie', () => {
  const session = createSessionCookie('mcq');

  it('carries the name of its service, and lives as long as the token', () => {
    const context = jar(null);
    session.write(context, 'a.b.c', 61_000, 1_000);
    session.clear(context);
    expect(context.set).toEqual([
      '__Host-mcq-session=a.b.c; Path=/; Max-Age=60; Secure; HttpOnly; SameSite=Lax',
      '__Host-mcq-session=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax',
    ]);
    expect(session.read(jar('a.b.c'))).toBe('a.b.c');
  });

  it('is an error above 3500 bytes, and unread', () => {
    const large = 'x'.repeat(3501);
    expect(() => session.write(jar(null), large, 1)).toThrow(/3501 bytes/);
    expect(session.read(jar(large))).toBeNull();
    session.write(jar(null), 'x'.repeat(3500), 1);
  });

  it('has only values that need no quoting', () => {
    expect(() => session.write(jar(null), 'a;b', 1)).toThrow(/quoting/);
  });
});
