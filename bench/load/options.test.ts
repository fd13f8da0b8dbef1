import { describe, expect, it } from 'vitest';
import { parseOptions } from './options.ts';

describe('BE-1 command line', () => {
  it('measures everything without arguments', () => {
    expect(parseOptions([])).toEqual({
      kind: 'run',
      options: {
        settings: { rounds: 5, seconds: 5, warmUpSeconds: 3, workers: 1, engine: 'native' },
        scenarios: [],
        gate: false,
        json: null,
        html: null,
        markdown: null,
      },
    });
  });

  it('takes scenarios, rounds, files and the gate', () => {
    const args =
      'l7-h1 --rounds 9 --seconds 2 --warm-up 1 --workers 2 l7-h2 --json a.json --markdown b.md --html c.html --engine portable --gate';
    expect(parseOptions(args.split(' '))).toEqual({
      kind: 'run',
      options: {
        settings: { rounds: 9, seconds: 2, warmUpSeconds: 1, workers: 2, engine: 'portable' },
        scenarios: ['l7-h1', 'l7-h2'],
        gate: true,
        json: 'a.json',
        html: 'c.html',
        markdown: 'b.md',
      },
    });
  });

  it.each([
    '--rounds 0',
    '--rounds 1.5',
    '--rounds -1',
    '--seconds 1e3',
    '--workers x',
    '--warm-up 3601',
    '--engine fast',
    '--rounds',
  ])('refuses %s by name', (text) => {
    const args = text.split(' ');
    expect(parseOptions(args)).toMatchObject({ kind: 'usage', problem: expect.stringContaining(args[0]!) as string });
  });

  it('refuses what it does not know', () => {
    expect(parseOptions(['--round', '3'])).toMatchObject({
      kind: 'usage',
      problem: expect.stringContaining('--round'),
    });
  });

  it('gives help', () => {
    expect(parseOptions(['--help'])).toEqual({ kind: 'help' });
  });
});
