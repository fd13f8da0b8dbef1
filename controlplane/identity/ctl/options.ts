import { InvalidArgumentError, type Command } from 'commander';

/** For options that may be given several times. */
export function collect(value: string, earlier: readonly string[] | undefined): readonly string[] {
  return [...(earlier ?? []), value];
}

/** A word that commands stand under, such as `account`. */
export function addGroup(parent: Command, name: string, description: string): Command {
  return parent.command(name).summary(description).description(description);
}

export function wholeNumber(text: string): number {
  if (/^[0-9]{1,15}$/.test(text)) return Number(text);
  throw new InvalidArgumentError(`${JSON.stringify(text)} is no whole number.`);
}

/** An RFC 3339 time, or a day. */
export function timeOption(text: string): Date {
  const time = new Date(text);
  if (/^\d{4}-\d\d-\d\d(T\S+)?$/.test(text) && !Number.isNaN(time.getTime())) return time;
  throw new InvalidArgumentError(`${JSON.stringify(text)} is no time such as 2027-01-31T00:00:00Z.`);
}

export function timeText(time: Date | undefined): string | null {
  return time?.toISOString() ?? null;
}
