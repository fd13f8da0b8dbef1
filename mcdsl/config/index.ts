export { formatAddress, parseHostPort, parseListenAddress } from './addresses.ts';
export type { HostPort, ListenAddress } from './addresses.ts';
export {
  duration,
  fileMode,
  filePath,
  filePathOrNone,
  hostPort,
  listenAddress,
  listenAddressOrOff,
  size,
  textField,
} from './fields.ts';
export type { TextField, TextWords } from './fields.ts';
export { formatProblems, placeText } from './format.ts';
export { configJsonSchema } from './json-schema.ts';
export { defineConfig, loadConfigFile, loadConfigText, locate } from './load.ts';
export { expecting } from './schema-walk.ts';
export {
  adminSection,
  databaseSection,
  logLevels,
  logSection,
  mciasSection,
  metricsSection,
  section,
  serverSection,
} from './sections.ts';
export { formatDuration, formatSize, maxTimerMs, parseDuration, parseSize } from './units.ts';
export type { TextParse } from './units.ts';
export type {
  Alias,
  ConfigDefinition,
  ConfigPath,
  ConfigSources,
  Environment,
  Frozen,
  LoadResult,
  Place,
  PlacePart,
  Problem,
  ProblemKind,
  ReportDetails,
  Reporter,
  Severity,
} from './types.ts';
