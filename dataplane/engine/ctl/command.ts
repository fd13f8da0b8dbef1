import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';

import { refuseUsage } from '../../../mcdsl/command/errors.ts';
import { parseDuration } from '../../../mcdsl/config/units.ts';

/** A page of help. */
export type HelpPage = {
  /** For the list of commands. */
  readonly summary: string;
  readonly description: string;
  readonly example: string;
};

export function addCommand(parent: Command, name: string, page: HelpPage): Command {
  return parent
    .command(name)
    .summary(page.summary)
    .description(page.description)
    .addHelpText('after', `\nExample:\n  $ ${page.example}`);
}

/** A word that commands stand under, such as `routes`. */
export function addGroup(parent: Command, name: string, description: string): Command {
  return parent.command(name).summary(description).description(description);
}

/** For options that may be given several times. */
export function collect(value: string, earlier: readonly string[] | undefined): readonly string[] {
  return [...(earlier ?? []), value];
}

/** `10s`, `1m30s` to milliseconds. */
export function durationOption(text: string): number {
  const parsed = parseDuration(text);
  if (parsed.ok) return parsed.value;
  throw new InvalidArgumentError(`${parsed.reason}; write it like 500ms, 10s or 1m30s.`);
}

/** A whole number from 0 that the contract's uint32 holds. */
export function countOption(text: string): number {
  const value = Number(text);
  if (/^\d{1,10}$/.test(text) && value <= 0xffff_ffff) return value;
  throw new InvalidArgumentError(`${JSON.stringify(text)} is not a whole number from 0 to 4294967295.`);
}

/**
 * The one option of several that was given, with its value.
 * @throws SystemError `usage` when none or more than one was
 */
export function exactlyOne<Name extends string>(
  options: Readonly<Record<Name, { readonly flag: string; readonly value: string | undefined }>>,
): readonly [Name, string] {
  const given: (readonly [Name, string])[] = [];
  for (const name of Object.keys(options) as Name[]) {
    const { value } = options[name];
    if (value !== undefined) given.push([name, value]);
  }
  const [first, second] = given;
  if (first !== undefined && second === undefined) return first;
  const flags = Object.values<{ flag: string }>(options).map(({ flag }) => flag);
  return refuseUsage(`give exactly one of ${flags.join(', ')}`);
}
