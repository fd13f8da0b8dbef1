import { resolve } from 'node:path';
import { expect, it } from 'vitest';
import { BoxError } from '../errors.ts';
import { parseOptions, usage } from '../options.ts';

it('takes a directory, else the default', () => {
  expect(parseOptions([], '/default')).toEqual({ kind: 'run', srv: '/default' });
  expect(parseOptions(['--dir', 'x'], '/default')).toEqual({ kind: 'run', srv: resolve('x') });
  expect(parseOptions(['--dir=/x y'], '/default')).toEqual({ kind: 'run', srv: '/x y' });
  expect(parseOptions(['-h'], '/default')).toEqual({ kind: 'help' });
});

it.each([[['--zone', 'x']], [['x']], [['--dir']], [['--dir', '']], [['--dir', '--help']]])(
  'refuses %j with the usage and exit code 64',
  (argv) => {
    let error: unknown;
    try {
      parseOptions(argv, '/default');
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(BoxError);
    expect((error as BoxError).exitCode).toBe(64);
    expect((error as BoxError).message).toContain(usage);
  },
);
