import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nonZero } from './failures.ts';
import { countAnswers, countResets, parseWrk, sendFileScript } from './wrk.ts';

const well = `Running 1s test @ http://127.0.0.1:18801/
  1 threads and 8 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   391.41us  258.93us   5.34ms   86.51%
    Req/Sec    17.46k     3.42k   23.12k    66.67%
  18302 requests in 1.10s, 1.12MB read
Requests/sec:  16638.18
Transfer/sec:      1.02MB
`;

const badly = `Running 1s test @ http://127.0.0.1:18805/
  1 threads and 8 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     0.00us    0.00us   0.00us    -nan%
    Req/Sec     0.00      0.00     0.00      -nan%
  12 requests in 1.00s, 0.00B read
  Socket errors: connect 1, read 3353, write 17129, timeout 2
  Non-2xx or 3xx responses: 7
Requests/sec:      0.00
Transfer/sec:       0.00B
`;

const none = { not2xx: 0, connectErrors: 0, readErrors: 0, writeErrors: 0, timeouts: 0 };

describe('BE-4 wrk', () => {
  it('counts answers', () => {
    expect(parseWrk(well)).toEqual({ answers: 18302, ...none });
  });

  it('counts each kind of error', () => {
    expect(parseWrk(badly)).toEqual({
      answers: 12,
      not2xx: 7,
      connectErrors: 1,
      readErrors: 3353,
      writeErrors: 17129,
      timeouts: 2,
    });
  });

  it('counts answers or resets as units', () => {
    expect(countAnswers(well)).toEqual({ units: 18302, errors: [] });
    expect(countAnswers(badly).units).toBe(5);
    expect(countResets(badly)).toEqual({
      units: 3353 + 17129,
      errors: ['12 answers', '7 not2xx', '1 connectErrors', '2 timeouts'],
    });
  });

  it.each(['', 'unable to connect to 127.0.0.1:1 Connection refused\n', well.slice(0, 200), 'requests in 1s'])(
    'has no count of %j',
    (output) => {
      expect(() => parseWrk(output)).toThrow('no report of wrk');
    },
  );

  it('never takes other text for a report', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(() => parseWrk(text)).toThrow('no report of wrk');
      }),
    );
  });

  it('names only failures that happened', () => {
    expect(nonZero({ a: 0, b: 2, c: -1 })).toEqual(['2 b', '-1 c']);
    expect(nonZero(none)).toEqual([]);
  });

  it('sends the bytes of a file', () => {
    expect(sendFileScript('/a "b"/hello.bin')).toContain('io.open("/a \\"b\\"/hello.bin", "rb")');
  });
});
