export { parseHostPort, parseListenAddress } from './addresses.ts';
export type { ListenAddress } from './addresses.ts';
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
export { formatProblems, placeText } from './format.ts';
export { configJsonSchema } from './json-schema.ts';
export { defineConfig, loadConfigFile, loadConfigText } from './load.ts';
export { expecting } from './schema-walk.ts';
export { adminSection, databaseSection, logSection, metricsSection, section, serverSection } from './sections.ts';
export { parseDuration } from './units.ts';
export type { TextParse } from './units.ts';
export type { ConfigDefinition, ConfigPath, ConfigSources, Frozen, LoadResult, Problem, Reporter } from './types.ts';
