import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { BoxError, isCode } from './errors.ts';

export type Options = { readonly kind: 'run'; readonly srv: string } | { readonly kind: 'help' };

export const usage = `usage: npm start [-- --dir DIRECTORY]

Starts mc-proxy before two demo origins on this machine, on loopback addresses only, and stays until Ctrl-C.

  --dir DIRECTORY  where the box keeps its files; default: srv in the checkout
  --help           this text
`;

const USAGE_EXIT_CODE = 64;

/**
 * @param defaultSrv where the boxes live when the command line does not say
 * @throws BoxError when the command line is wrong
 */
export function parseOptions(argv: readonly string[], defaultSrv: string): Options {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: { dir: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
    });
    if (values.help === true) return { kind: 'help' };
    if (values.dir === '') throw new BoxError('--dir needs a directory.', usage, USAGE_EXIT_CODE);
    return { kind: 'run', srv: values.dir === undefined ? defaultSrv : resolve(values.dir) };
  } catch (error) {
    if (!isCode(error, 'ERR_PARSE_ARGS_UNKNOWN_OPTION', 'ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL', invalidValue))
      throw error;
    throw new BoxError((error as Error).message, usage, USAGE_EXIT_CODE);
  }
}

const invalidValue = 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE';
