import { describe, expect, it } from 'vitest';
import { judge, UNCHECKED } from './verdict.ts';

/** The verdicts after each of the checks: `x` failed, `.` passed. */
function after(checks: string, fall: number, rise: number): string {
  let verdict = UNCHECKED;
  return [...checks]
    .map((check) => {
      verdict = judge(verdict, check === '.', { fall, rise });
      return verdict.isUp ? 'U' : 'd';
    })
    .join('');
}

describe('the verdict of health checks', () => {
  it.each([
    ['PX-7 the first check decides by itself', 'x.', 3, 1, 'dU'],
    ['PX-7 later ones need fall in a row', '.xx.xxx', 3, 2, 'UUUUUUd'],
    ['PX-7 and rise in a row for the way back', 'x.x..', 3, 2, 'ddddU'],
    ['PX-7 with fall and rise of 1 each check decides', '.x.x', 1, 1, 'UdUd'],
  ])('%s', (_title, checks, fall, rise, verdicts) => expect(after(checks, fall, rise)).toBe(verdicts));
});
