export { isSecretKey } from './clean.ts';
export { createLogger } from './create-logger.ts';
export type { LoggerOptions, RootLogger } from './create-logger.ts';
export { openLogDestination } from './destination.ts';
export type { LogDestination, LogDestinationOptions, LogDestinationStats } from './destination.ts';
export { createForwardingLogger, writeLogRecord } from './forwarding.ts';
export type { ForwardingLogger, LogRecord } from './forwarding.ts';
export { isLogLevel, logLevels } from './logger.ts';
export type { LogFields, Logger, LogLevel } from './logger.ts';
