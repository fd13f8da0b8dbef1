import { formatTable, type Column } from '../../mcdsl/terminal/index.ts';
import { ratios } from '../load/format.ts';
import { spread } from '../load/statistics.ts';
import { BATCH } from './batch.ts';
import type { MicroResult } from './model.ts';

/** A line a benchmark: ns per operation, and with a base the ratio branch ÷ base of each round as median (min–max). */
export function formatMicro(results: readonly MicroResult[]): string {
  const compared = results.some(({ baseUs }) => baseUs.length > 0);
  return formatTable(compared ? [...columns, ...baseColumns] : columns, results);
}

const columns: readonly Column<MicroResult>[] = [
  { title: 'file', value: ({ file }) => file.replace(/^bench\/micro\//, '').replace(/\.bench\.ts$/, '') },
  { title: 'benchmark', value: ({ name }) => name },
  { title: 'ns/op', align: 'right', value: ({ branchUs }) => nanoseconds(branchUs) },
];

const baseColumns: readonly Column<MicroResult>[] = [
  { title: 'base ns/op', align: 'right', value: ({ baseUs }) => (baseUs.length === 0 ? null : nanoseconds(baseUs)) },
  {
    title: 'ratio',
    align: 'right',
    value({ branchUs, baseUs }) {
      const pairs = branchUs.flatMap((us, index) => (baseUs[index] === undefined ? [] : [us / baseUs[index]]));
      return pairs.length === 0 ? null : ratios(spread(pairs));
    },
  },
];

/** Microseconds of a batch are nanoseconds of an operation times BATCH / 1000. */
function nanoseconds(us: readonly number[]): string {
  return ((spread(us).median * 1000) / BATCH).toFixed(1);
}
