import { metricUnits } from '../../mcdsl/metrics/naming.ts';
import { isTestCode, type SourceFile } from './source-files.ts';

/** A rule on single files: what is wrong with each that breaks it. */
export type Convention = {
  readonly name: string;
  readonly appliesTo: (path: string) => boolean;
  readonly faults: (file: SourceFile) => string[];
};

export const maximumLines = 350;

const isCode = (path: string): boolean => path.endsWith('.ts');

/** In text that may name itself without breaking its own rule, the searched words are put together. */
const leftover = new RegExp(
  `\\b(${['TO', 'FIX', 'XX', 'HA'].map((w, i) => w + ['DO', 'ME', 'X', 'CK'][i]).join('|')})\\b`,
);
const machinePath = /(?<![\w.-])\/(?:work|root|home\/\w+|Users\/\w+)\/[\w.-]/;
const secret = new RegExp(`-----BEGIN (?:[A-Z]+ )?PRIVATE ${'KEY'}-----\\n[A-Za-z0-9+/]{20}`);

/** Conventions that the type checker and the linter cannot see. */
export const conventions: readonly Convention[] = [
  {
    name: 'files are named in kebab-case',
    appliesTo: isCode,
    faults: ({ path }) =>
      /^[a-z0-9]+(-[a-z0-9]+)*(\.(test|drill\.test|bench|config|d))?\.ts$/.test(baseName(path)) ? [] : [baseName(path)],
  },
  {
    name: `no file is longer than ${maximumLines} lines`,
    appliesTo: (path) => isCode(path) || path.endsWith('.rs'),
    faults: ({ source }) => {
      const lines = source.split('\n').length - 1;
      return lines > maximumLines ? [`${lines} lines: split it by capability`] : [];
    },
  },
  {
    name: 'no leftovers: what is to be done stands in the plan, not in the code',
    appliesTo: () => true,
    faults: ({ source }) => firstMatch(source, leftover),
  },
  {
    name: 'no path of one machine',
    appliesTo: () => true,
    faults: ({ source }) => firstMatch(source, machinePath),
  },
  {
    name: 'no private key',
    appliesTo: () => true,
    faults: ({ source }) => firstMatch(source, secret),
  },
  {
    name: 'metrics are named mc_<system>_<what>_<unit>, counters in _total',
    appliesTo: (path) => isCode(path) && !isTestCode(path),
    faults: ({ source }) => metricNames(source).filter((name) => !isMetricName(name)),
  },
];

export function checkConventions(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) =>
    conventions
      .filter(({ appliesTo }) => appliesTo(file.path))
      .flatMap(({ name, faults }) => faults(file).map((fault) => `${file.path}: ${name}: ${fault.trim()}`)),
  );
}

/** The names given to metrics: each `name:` in a file that uses prom-client, and each that looks like one elsewhere. */
function metricNames(source: string): string[] {
  const pattern =
    /\bfrom 'prom-client'/.test(source) && /\bnew (Counter|Gauge|Histogram|Summary)\b/.test(source)
      ? /\bname:\s*['`]([^'`]*)['`]/g
      : /\bname:\s*['`](mc_[^'`]*)['`]/g;
  return [...source.matchAll(pattern)].map((match) => match[1] ?? '').filter((name) => !name.includes('${'));
}

function isMetricName(name: string): boolean {
  const words = name.split('_');
  return words.length >= 4 && /^mc(_[a-z][a-z0-9]*)+$/.test(name) && metricUnits.includes(words.at(-1) ?? '');
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

function firstMatch(source: string, pattern: RegExp): string[] {
  return (source.match(pattern) ?? []).slice(0, 1);
}
