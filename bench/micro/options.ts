import { parseArgs } from 'node:util';
import { messageOf } from '../../mcdsl/errors/index.ts';

export interface MicroOptions {
  /** Parts of file names; empty: all. */
  readonly filters: readonly string[];
  /** What the branch is compared with, or null. */
  readonly base: string | null;
  readonly rounds: number;
  readonly json: string | null;
}

export const USAGE = `usage: npm run bench:micro [-- [FILE…] [OPTIONS]]

  --base REV   compare with that commit: the same benchmarks on its sources, in turn
  --rounds N   how often each is measured (3)
  --json FILE  write everything measured
`;

/** What was asked for; 'help'; or what is wrong with it, in words. */
export function parseMicroOptions(args: readonly string[]): MicroOptions | 'help' | { readonly problem: string } {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        base: { type: 'string' },
        rounds: { type: 'string', default: '3' },
        json: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) return 'help';
    if (!/^[1-9]\d?$/.test(values.rounds)) throw new Error(`--rounds takes a number from 1 to 99: ${values.rounds}`);
    const { base = null, json = null } = values;
    return { filters: positionals, base, rounds: Number(values.rounds), json };
  } catch (error) {
    return { problem: messageOf(error) };
  }
}
