import { cleanFields } from './clean.ts';
import { isLogLevel, levelRank, loggerOver } from './logger.ts';
import type { LevelGate, LogFields, Logger, LogLevel } from './logger.ts';

/** One line on its way between threads: plain data, redacted where it was written. */
export type LogRecord = { readonly level: LogLevel; readonly msg: string; readonly fields: LogFields };

export type ForwardingLogger = Logger & { setLevel(level: LogLevel): void };

/** A logger for a worker thread: each line becomes a record for `post` to send to the main thread. */
export function createForwardingLogger(post: (record: LogRecord) => void, level: LogLevel): ForwardingLogger {
  const gate: LevelGate = { rank: levelRank(level) };
  const over = (bound: LogFields): Logger =>
    loggerOver(
      gate,
      (level, msg, fields) => post({ level, msg, fields: { ...bound, ...cleanFields(fields) } }),
      (more) => over({ ...bound, ...cleanFields(more) }),
    );
  return {
    ...over({}),
    setLevel(next) {
      gate.rank = levelRank(next);
    },
  };
}

/** Writes a worker's record in the main thread. */
export function writeLogRecord(logger: Logger, record: LogRecord): void {
  if (isLogLevel(record.level)) logger.log(record.level, record.msg, record.fields);
}
