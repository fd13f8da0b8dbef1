/** One benchmark of one run. */
export interface MicroFigure {
  /** The path of its file in the checkout. */
  readonly file: string;
  readonly name: string;
  /** Median of its calls, each a batch of operations, in µs. */
  readonly us: number;
}

/** What one run of vitest gave. */
export interface MicroRun {
  readonly figures: readonly MicroFigure[];
  /** Files that do not run in this checkout: what they measure may not be there yet. */
  readonly broken: readonly string[];
}

/** One benchmark over the rounds. */
export interface MicroResult {
  readonly file: string;
  readonly name: string;
  readonly branchUs: readonly number[];
  /** Empty where the base does not have it. */
  readonly baseUs: readonly number[];
}

/** Joins rounds by file and name, in the order of the branch. */
export function joinRounds(branch: readonly MicroRun[], base: readonly MicroRun[]): MicroResult[] {
  const of = (runs: readonly MicroRun[], file: string, name: string): number[] =>
    runs.flatMap(({ figures }) => figures.filter((one) => one.file === file && one.name === name).map(({ us }) => us));
  return (branch[0]?.figures ?? []).map(({ file, name }) => ({
    file,
    name,
    branchUs: of(branch, file, name),
    baseUs: of(base, file, name),
  }));
}
