import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { openStore } from '../store/index.ts';
import { addAccount } from '../test-support/add-account.ts';
import { createTestClock } from '../test-support/clock.ts';
import { openTempKeys, type TempKeys } from '../test-support/temp-keys.ts';
import { createRecoveryCodes } from './recovery-codes.ts';
import { createTotpFactors, type TotpFactors } from './totp-factors.ts';
import { totpCode, totpStep } from './totp.ts';

let temp: TempKeys;
let ann: { id: string; name: string };
const clock = createTestClock();
beforeEach(async () => {
  temp = await openTempKeys({ series: [] });
  ann = { id: addAccount(temp.store, 'ann'), name: 'ann' };
});
afterEach(() => temp[Symbol.dispose]());

describe('TOTP of an account', () => {
  const totpFactors = (store = temp.store): { totp: TotpFactors; store: TempKeys['store'] } => ({
    totp: createTotpFactors({ sealer: temp.sealer, issuer: 'mcias.example.test', skew: () => 1 }),
    store,
  });
  const codeOf = (secret: string, offset = 0) => totpCode(decodeBase32(secret), totpStep(clock.now()) + offset);

  function enrol(): { secret: string; totp: TotpFactors } {
    const { totp } = totpFactors();
    const { secret } = temp.store.change((w) => totp.begin(w, ann, clock.now()));
    temp.store.change((w) => totp.confirm(w, ann.id, codeOf(secret, -1), clock.now()));
    return { secret, totp };
  }

  it('IA-17 counts as enrolled after one confirmed code, which is then used up', () => {
    const { totp, store } = totpFactors();
    const { secret, otpauthUrl } = store.change((w) => totp.begin(w, ann, clock.now()));
    expect(secret).toMatch(/^[A-Z2-7]{32}$/);
    expect(otpauthUrl).toBe(
      `otpauth://totp/mcias.example.test:ann?secret=${secret}&issuer=mcias.example.test&algorithm=SHA1&digits=6&period=30`,
    );
    const code = codeOf(secret);
    expect(totp.isEnrolled(store.reader, ann.id)).toBe(false);
    expect(store.change((w) => totp.verify(w, ann.id, code, clock.now()))).toMatchObject({ kind: 'refused' });
    expect(store.change((w) => totp.confirm(w, ann.id, 'xxxxxx', clock.now()))).toMatchObject({ kind: 'refused' });
    expect(store.change((w) => totp.confirm(w, ann.id, code, clock.now()))).toEqual({ kind: 'accepted' });
    expect(totp.isEnrolled(store.reader, ann.id)).toBe(true);
    expect(store.change((w) => totp.verify(w, ann.id, code, clock.now()))).toMatchObject({ reason: 'totp_replay' });
    expect(() => store.change((w) => totp.confirm(w, ann.id, code, clock.now()))).toThrow(/begin the enrolment/);
  });

  it('IA-17 a second enrolment begins only after the first was removed; one that waits is replaced', () => {
    const { totp, store } = totpFactors();
    const first = store.change((w) => totp.begin(w, ann, clock.now()));
    const second = store.change((w) => totp.begin(w, ann, clock.now()));
    expect(second.secret).not.toBe(first.secret);
    store.change((w) => totp.confirm(w, ann.id, codeOf(second.secret), clock.now()));
    expect(() => store.change((w) => totp.begin(w, ann, clock.now()))).toThrow(
      expect.objectContaining({ code: 'already_exists' }),
    );
    expect(store.change((w) => totp.remove(w, ann.id))).toBe(true);
    expect(totp.isEnrolled(store.reader, ann.id)).toBe(false);
  });

  it('IA-18 bad input row 19: the same code is refused after a restart and between parallel requests', () => {
    const { secret, totp } = enrol();
    const code = codeOf(secret);
    using other = openStore({ path: temp.path });
    const answers = [temp.store, other, temp.store, other].map((store) =>
      store.change((w) => totp.verify(w, ann.id, code, clock.now())),
    );
    expect(answers).toEqual([
      { kind: 'accepted' },
      { kind: 'refused', reason: 'totp_replay' },
      { kind: 'refused', reason: 'totp_replay' },
      { kind: 'refused', reason: 'totp_replay' },
    ]);
  });

  it('IA-18 the wrong codes of a step stay counted when one between them is accepted', () => {
    const { secret, totp } = enrol();
    const verify = (code: string) => temp.store.change((w) => totp.verify(w, ann.id, code, clock.now()));
    expect([verify('x'), verify('x'), verify(codeOf(secret)), verify('x')].map(({ kind }) => kind)).toEqual([
      'refused',
      'refused',
      'accepted',
      'refused',
    ]);
    expect(verify(codeOf(secret, 1))).toMatchObject({ kind: 'locked' });
  });

  it('IA-18 bad input row 20: the lock of a step holds after a restart', () => {
    const { secret, totp } = enrol();
    for (let n = 0; n < 3; n++) temp.store.change((w) => totp.verify(w, ann.id, '', clock.now()));
    using again = openStore({ path: temp.path });
    const tried = () => again.change((w) => totpFactors(again).totp.verify(w, ann.id, codeOf(secret), clock.now()));
    expect(tried()).toEqual({ kind: 'locked', retryAfterMs: 15_000 });
    clock.advance(15_000);
    expect(tried()).toEqual({ kind: 'accepted' });
  });

  it('IA-17 keeps the secret sealed: neither the database nor its log holds it', () => {
    const secret = decodeBase32(enrol().secret);
    for (const end of ['', '-wal']) expect(readFileSync(temp.path + end).includes(secret)).toBe(false);
  });

  it('bad input row 46: a secret that was moved to another account opens for nobody', () => {
    const { totp } = enrol();
    const bob = addAccount(temp.store, 'bob');
    temp.store.change((w) =>
      w.run(
        'INSERT INTO totp SELECT ?, s_secret, confirmed_at, last_step, fail_step, fail_count, created_at FROM totp',
        [bob],
      ),
    );
    expect(() => temp.store.change((w) => totp.verify(w, bob, '123456', clock.now()))).toThrow(
      expect.objectContaining({ code: 'internal' }),
    );
  });
});

describe('recovery codes', () => {
  const recovery = () => createRecoveryCodes(temp.sealer);
  const create = () => temp.store.change((w) => recovery().create(w, ann.id, clock.now()));
  const use = (text: string, id = ann.id) => temp.store.change((w) => recovery().use(w, id, text, clock.now()));

  it('IA-24 are ten of 80 bits, stored as HMACs, each good once', () => {
    const codes = create();
    expect(codes).toHaveLength(10);
    expect(new Set(codes).size).toBe(10);
    for (const code of codes) expect(code).toMatch(/^[A-Z2-7]{4}(-[A-Z2-7]{4}){3}$/);
    const files = Buffer.concat(['', '-wal'].map((end) => readFileSync(temp.path + end)));
    for (const code of codes) expect(files.includes(code.replaceAll('-', ''))).toBe(false);
    for (const [index, code] of codes.entries()) expect(use(code)).toEqual({ kind: 'accepted', left: 9 - index });
    expect(recovery().left(temp.store.reader, ann.id)).toBe(0);
  });

  it('IA-24 bad input row 21: a code a second time is refused, also by another process', () => {
    const [code = ''] = create();
    expect(use(code)).toMatchObject({ kind: 'accepted' });
    using other = openStore({ path: temp.path });
    expect(other.change((w) => recovery().use(w, ann.id, code, clock.now()))).toEqual({
      kind: 'refused',
      reason: 'recovery_used',
    });
  });

  it('IA-24 can be typed in any case, with spaces or without', () => {
    const [one = '', two = ''] = create();
    expect(use(one.toLowerCase().replaceAll('-', ' '))).toMatchObject({ kind: 'accepted' });
    expect(use(` ${two.replaceAll('-', '')} `)).toMatchObject({ kind: 'accepted' });
  });

  it.each(['', 'AAAA-AAAA-AAAA-AAAA', 'AAAA', '1111-1111-1111-1111', 'A'.repeat(17), 'A'.repeat(100_000)])(
    'IA-24 refuses %.20s',
    (text) => {
      create();
      expect(use(text)).toEqual({ kind: 'refused', reason: 'recovery_wrong' });
    },
  );

  it('IA-24 are void when new ones are made, and those of one account are nothing to another', () => {
    const [old = ''] = create();
    const [fresh = ''] = create();
    const bob = addAccount(temp.store, 'bob');
    temp.store.change((w) => recovery().create(w, bob, clock.now()));
    expect(use(old)).toMatchObject({ reason: 'recovery_wrong' });
    expect(use(fresh, bob)).toMatchObject({ reason: 'recovery_wrong' });
    expect(use(fresh)).toEqual({ kind: 'accepted', left: 9 });
  });
});

/** The inverse of base32, for tests alone: what an authenticator app does with the secret. */
function decodeBase32(text: string): Buffer {
  const bits = [...text]
    .map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0'))
    .join('');
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
}
