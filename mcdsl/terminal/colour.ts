export type Paint = (text: string) => string;

export type Colours = {
  readonly bold: Paint;
  readonly dim: Paint;
  readonly red: Paint;
  readonly green: Paint;
  readonly yellow: Paint;
};

type Stream = { readonly isTTY?: boolean };
type Env = Readonly<Record<string, string | undefined>>;

/** Only a terminal has colours, and never with NO_COLOR set to anything (no-color.org) or TERM=dumb. */
export function hasColours(stream: Stream, env: Env): boolean {
  return stream.isTTY === true && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
}

/** Colours for a stream that has them, else none. */
export function coloursFor(stream: Stream, env: Env): Colours {
  const on = hasColours(stream, env);
  const paint =
    (start: number, end: number): Paint =>
    (text) =>
      on ? `\u001b[${start}m${text}\u001b[${end}m` : text;
  return { bold: paint(1, 22), dim: paint(2, 22), red: paint(31, 39), green: paint(32, 39), yellow: paint(33, 39) };
}
