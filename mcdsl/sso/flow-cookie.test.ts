import { describe, expect, it } from 'vitest';

import { createFlowCookie } from './flow-cookie.ts';

const flow = { state: 's'.repeat(43), verifier: 'v'.repeat(43), returnPath: '/a?b=c' };

function jar() {
  const jar = {
    value: null as string | null,
    cookie: () => jar.value,
    addCookie: (line: string) => void lines.push(line),
  };
  const lines: string[] = [];
  return Object.assign(jar, { lines });
}

function sealed(cookie = createFlowCookie('demo')): string {
  const context = jar();
  cookie.write(context, flow, 1_000);
  return /^__Host-demo-sso=([^;]*);/.exec(context.lines[0] ?? '')?.[1] ?? '';
}

describe('flow cookie', () => {
  it('shows the browser nothing and gives back what was written, for 10 minutes', () => {
    const cookie = createFlowCookie('demo');
    const context = jar();
    context.value = sealed(cookie);
    expect(Buffer.from(context.value, 'base64url').toString('latin1')).not.toMatch(/sss|vvv/);
    expect(cookie.read(context, 600_999)).toEqual(flow);
    expect(cookie.read(context, 601_000)).toBeNull();
  });

  it('is nothing when any bit differs, when it is cut, and to another process or service', () => {
    const cookie = createFlowCookie('demo');
    const context = jar();
    const bytes = Buffer.from(sealed(cookie), 'base64url');
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes);
      changed[at] = changed[at]! ^ 1;
      context.value = changed.toString('base64url');
      expect(cookie.read(context, 2_000)).toBeNull();
      context.value = bytes.subarray(0, at).toString('base64url');
      expect(cookie.read(context, 2_000)).toBeNull();
    }
    context.value = bytes.toString('base64url');
    expect(createFlowCookie('demo').read(context, 2_000)).toBeNull();
    expect(cookie.read(context, 2_000)).toEqual(flow);
  });
});
