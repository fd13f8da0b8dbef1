import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { countH2load, parseH2load } from './h2load.ts';

const report = (
  requests: string,
  status: string,
  protocol = 'Application protocol: h2\n',
): string => `starting benchmark...
spawning thread #0: 4 total client(s). Timing-based test with 0s of warm-up time and 2s of main duration for measurements.
TLS Protocol: TLSv1.3
Cipher: TLS_AES_128_GCM_SHA256
Server Temp Key: X25519 253 bits
${protocol}Main benchmark duration is over for thread #0. Stopping all clients.

finished in 2.00s, 24102.50 req/s, 3.43MB/s
requests: ${requests}
status codes: ${status}
traffic: 6.86MB (7189664) total, 1.38MB (1446240) headers (space savings 71.43%), 2.94MB (3085120) data
`;

describe('BE-4 h2load', () => {
  it('counts answers that came whole', () => {
    const output = report(
      '48205 total, 48237 started, 48205 done, 48205 succeeded, 0 failed, 0 errored, 0 timeout',
      // One more began than ended when the time was over.
      '48206 2xx, 0 3xx, 0 4xx, 0 5xx',
    );
    expect(parseH2load(output)).toEqual({
      succeeded: 48205,
      failed: 0,
      errored: 0,
      timeouts: 0,
      not2xx: 0,
      receivedBytes: 7189664,
      protocol: 'h2',
    });
    expect(countH2load(output, 'h2')).toEqual({ units: 48205, errors: [] });
    expect(countH2load(output, 'http/1.1').errors).toEqual(['protocol h2, not http/1.1']);
  });

  it('counts each kind of error', () => {
    const output = report(
      '10 total, 10 started, 10 done, 4 succeeded, 6 failed, 5 errored, 1 timeout',
      '1 2xx, 1 3xx, 2 4xx, 3 5xx',
      '',
    );
    expect(parseH2load(output)).toEqual({
      succeeded: 4,
      failed: 6,
      errored: 5,
      timeouts: 1,
      not2xx: 6,
      receivedBytes: 7189664,
      protocol: null,
    });
  });

  it.each(['', 'requests: 1 total', 'status codes: 1 2xx, 0 3xx, 0 4xx, 0 5xx\n'])('has no count of %j', (output) => {
    expect(() => parseH2load(output)).toThrow('no report of h2load');
  });

  it('never takes other text for a report', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(() => parseH2load(text)).toThrow('no report of h2load');
      }),
    );
  });
});
