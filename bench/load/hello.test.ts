import { describe, expect, it } from 'vitest';
import { readClientHello } from '../../dataplane/proxy/client-hello/index.ts';
import { helloBytes, makeHello } from './hello.ts';

describe('BE-4 ClientHello of the loads', () => {
  it('is a whole one for the name, in one record', async () => {
    const bytes = await makeHello('l4.bench.test');
    expect(readClientHello(bytes, 16 * 1024)).toMatchObject({
      kind: 'hello',
      sni: 'l4.bench.test',
      consumedBytes: bytes.length,
    });
    expect(helloBytes(bytes)).toBe(bytes.length);
  });

  it('has the length that its header says', () => {
    expect(helloBytes(Buffer.from([22, 3, 1]))).toBe(5);
    expect(helloBytes(Buffer.from([22, 3, 1, 0x12, 0x34]))).toBe(5 + 0x1234);
  });
});
