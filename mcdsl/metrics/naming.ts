export type MetricKind = 'counter' | 'gauge' | 'histogram';

/** Base units that a measured value may have (https://prometheus.io/docs/practices/naming/): never ms, KiB or percent. */
const baseUnits = ['seconds', 'bytes', 'ratio'] as const;

/** The one unit beside them, for what operators plan in days: how long a certificate still lasts. */
const planningUnits = ['days'] as const;

/** Nouns that a gauge may count. A new one is added here, so that one thing has one name in every system. */
const countedUnits = [
  'accounts',
  'addresses',
  'backends',
  'certificates',
  'connections',
  'containers',
  'descriptors',
  'entries',
  'info',
  'items',
  'keys',
  'listeners',
  'locks',
  'objects',
  'operations',
  'queries',
  'records',
  'requests',
  'routes',
  'rules',
  'sessions',
  'state',
  'streams',
  'tasks',
  'threads',
  'tokens',
  'workers',
  'zones',
] as const;

/** Every word that a metric's name may end in. */
export const metricUnits: readonly string[] = ['total', ...baseUnits, ...planningUnits, ...countedUnits];

const namePattern = /^[a-z][a-z0-9]*(_[a-z0-9]+)*$/;
const reservedLabels = new Set(['le', 'quantile', 'job', 'instance']);

/**
 * Checks `mc_<system>_<what>_<unit>`: a counter ends in `_total`, a histogram in a base unit, a gauge in a unit or in the
 * noun it counts.
 * @throws Error that says what is wrong with the name: a mistake in the program
 */
export function checkMetricName(system: string, kind: MetricKind, name: string): void {
  const prefix = `mc_${system}_`;
  const refuse = (reason: string): never => {
    throw new Error(`metric ${JSON.stringify(name)}: ${reason}`);
  };
  if (!namePattern.test(name)) refuse('must be lower-case words joined by one underscore each');
  if (!name.startsWith(prefix)) refuse(`must begin with ${prefix}`);
  const words = name.slice(prefix.length).split('_');
  const unit = words.at(-1) ?? '';
  if (words.length < 2) refuse('must say what it measures, and its unit');
  if (kind === 'counter') {
    if (unit !== 'total') refuse('is a counter and must end in _total');
    return;
  }
  const units: readonly string[] = kind === 'gauge' ? [...baseUnits, ...planningUnits, ...countedUnits] : baseUnits;
  if (!units.includes(unit)) refuse(`is a ${kind} and must end in one of: ${units.join(', ')}`);
}

/** @throws Error for a malformed, reserved or repeated label */
export function checkLabels(name: string, labels: readonly string[]): void {
  for (const [i, label] of labels.entries()) {
    if (!namePattern.test(label)) throw new Error(`metric ${name}: label ${JSON.stringify(label)} is malformed`);
    if (reservedLabels.has(label)) throw new Error(`metric ${name}: label ${label} is reserved`);
    if (labels.indexOf(label) !== i) throw new Error(`metric ${name}: label ${label} is repeated`);
  }
}
