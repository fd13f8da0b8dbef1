import { execFileSync } from 'node:child_process';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { requireClient } from '../../../deploy/checks/clients.ts';
import { startOfTests } from '../test-support/clock.ts';
import { base32 } from './base32.ts';
import { checkTotp, totpCode, totpStep, type TotpState } from './totp.ts';

const secret = Buffer.from('12345678901234567890');
const fresh: TotpState = { lastStep: 0, failStep: 0, failCount: 0 };
const now = startOfTests;
const step = totpStep(now);

/** The codes in turn, with the answers' kinds or reasons. */
function tries(codes: readonly string[], options: { at?: number; skew?: number; state?: TotpState } = {}): string[] {
  let { state = fresh } = options;
  return codes.map((code) => {
    const checked = checkTotp(state, { code, secret, now: options.at ?? now, skew: options.skew ?? 1 });
    state = checked.state;
    return checked.answer.kind === 'refused' ? checked.answer.reason : checked.answer.kind;
  });
}

describe('TOTP', () => {
  it.each([
    [59, '94287082'],
    [1_111_111_109, '07081804'],
    [1_111_111_111, '14050471'],
    [1_234_567_890, '89005924'],
    [2_000_000_000, '69279037'],
    [20_000_000_000, '65353130'],
  ])('IA-17 RFC 6238 appendix B: at %i s the code is %s', (seconds, code) => {
    expect(totpCode(secret, totpStep(seconds * 1000), 8)).toBe(code);
    expect(totpCode(secret, totpStep(seconds * 1000))).toBe(code.slice(2));
  });

  describe('beside oathtool', () => {
    const [oathtool = ''] = requireClient('oathtool');

    it('IA-17 accepts its codes at steps −1, 0 and +1, once each, and refuses −2 and +2', () => {
      for (const [offset, answer] of [
        [-2, 'totp_wrong'],
        [-1, 'accepted'],
        [0, 'accepted'],
        [1, 'accepted'],
        [2, 'totp_wrong'],
      ] as const) {
        const at = new Date(now + offset * 30_000).toISOString().replace('T', ' ').replace(/\..*/, ' UTC');
        const args = ['--totp=sha1', '--now', at, '--base32', base32(secret)];
        const code = execFileSync(oathtool, args, { encoding: 'utf8' }).trim();
        expect([offset, ...tries([code, code])]).toEqual([
          offset,
          answer,
          answer === 'accepted' ? 'totp_replay' : 'totp_wrong',
        ]);
      }
    });
  });

  it('IA-17 with skew 0 accepts the current step alone', () => {
    expect([-1, 0, 1].flatMap((offset) => tries([totpCode(secret, step + offset)], { skew: 0 }))).toEqual([
      'totp_wrong',
      'accepted',
      'totp_wrong',
    ]);
  });

  it.each([
    ' 123456',
    '123456 ',
    '１２３４５６',
    '1234567',
    '12345',
    '',
    '12345\n',
    '+12345',
    '1e3456',
    '0x1234',
    '٣٤٥٦٧٨',
  ])('IA-18 bad input row 18: %j is refused before anything is computed, and counted', (code) => {
    const unreadable = new Proxy(secret, {
      get: () => {
        throw new Error('the secret was touched');
      },
    });
    const { state, answer } = checkTotp(fresh, { code, secret: unreadable, now, skew: 1 });
    expect(answer).toEqual({ kind: 'refused', reason: 'totp_malformed' });
    expect(state).toEqual({ lastStep: 0, failStep: step, failCount: 1 });
  });

  it('IA-18 bad input row 19: a step at or before the last accepted one is a replay', () => {
    const state = { ...fresh, lastStep: step };
    const codes = [-1, 0, 1].map((offset) => totpCode(secret, step + offset));
    expect(tries(codes, { state })).toEqual(['totp_replay', 'totp_replay', 'accepted']);
  });

  it('IA-18 bad input row 20: the fourth try in a step is locked until the step ends, even with the right code', () => {
    const right = totpCode(secret, step);
    expect(tries(['000000', 'x', '000000', right, '000000'])).toEqual([
      'totp_wrong',
      'totp_malformed',
      'totp_wrong',
      'locked',
      'locked',
    ]);
    const locked = { ...fresh, failStep: step, failCount: 3 };
    const { answer } = checkTotp(locked, { code: right, secret, now, skew: 1 });
    expect(answer).toEqual({ kind: 'locked', retryAfterMs: 15_000 });
    expect(tries([right], { state: locked, at: now + 15_000 })).toEqual(['accepted']);
    expect(tries([right], { state: locked, at: now + 14_999 })).toEqual(['locked']);
  });

  it('IA-18 an accepted code does not take back the wrong ones of its step', () => {
    const [before, right] = [totpCode(secret, step - 1), totpCode(secret, step)];
    expect(tries(['000000', '000000', before, '000000', right])).toEqual([
      'totp_wrong',
      'totp_wrong',
      'accepted',
      'totp_wrong',
      'locked',
    ]);
  });

  it('IA-63 under any clock no code is accepted twice and no step sees more than three wrong tries', () => {
    const moves = fc.array(
      fc.record({ move: fc.integer({ min: -70_000, max: 70_000 }), offset: fc.integer({ min: -2, max: 2 }) }),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(moves, (moves) => {
        let state = fresh;
        let at = now;
        let wrongInStep = { step: 0, count: 0 };
        const accepted = new Set<number>();
        for (const { move, offset } of moves) {
          at += move;
          const current = totpStep(at);
          if (wrongInStep.step !== current) wrongInStep = { step: current, count: 0 };
          const checked = checkTotp(state, { code: totpCode(secret, current + offset), secret, now: at, skew: 1 });
          state = checked.state;
          if (checked.answer.kind === 'accepted') {
            expect(accepted.has(state.lastStep)).toBe(false);
            expect(state.lastStep).toBeGreaterThanOrEqual(Math.max(0, ...accepted));
            accepted.add(state.lastStep);
          } else if (checked.answer.kind === 'refused') {
            wrongInStep.count++;
            expect(wrongInStep.count).toBeLessThanOrEqual(3);
          }
        }
      }),
    );
  });
});

describe('base32', () => {
  it.each([
    ['', ''],
    ['f', 'MY'],
    ['fo', 'MZXQ'],
    ['foo', 'MZXW6'],
    ['foob', 'MZXW6YQ'],
    ['fooba', 'MZXW6YTB'],
    ['foobar', 'MZXW6YTBOI'],
  ])('RFC 4648 §10: %j is %s', (text, encoded) => {
    expect(base32(Buffer.from(text))).toBe(encoded);
  });
});
