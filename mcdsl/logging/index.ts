export { isSecretKey } from './clean.ts';
export { createLogger } from './create-logger.ts';
export type { LoggerOptions, RootLogger } from './create-logger.ts';
export { openLogDestination } from './destination.ts';
export type { LogDestination } from './destination.ts';
export type { LogFields, Logger, LogLevel } from './logger.ts';
