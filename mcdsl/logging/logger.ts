/** The levels, least severe first. A logger writes its own level and all after it. */
export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;

export type LogLevel = (typeof logLevels)[number];

/**
 * What belongs to a line beside its text. An Error goes under `err`. Secret-like keys are redacted on the way out, which
 * is a net below the rule that no secret is logged, not a replacement for it.
 */
export type LogFields = Readonly<Record<string, unknown>>;

/** What code that logs is given. No call of it waits or throws. */
export type Logger = {
  trace(msg: string, fields?: LogFields): void;
  debug(msg: string, fields?: LogFields): void;
  info(msg: string, fields?: LogFields): void;
  warn(msg: string, fields?: LogFields): void;
  error(msg: string, fields?: LogFields): void;
  fatal(msg: string, fields?: LogFields): void;
  log(level: LogLevel, msg: string, fields?: LogFields): void;
  /** Whether a line of this level is written: for callers whose fields are costly to gather. */
  enabled(level: LogLevel): boolean;
  /** A logger that adds these fields to each line and follows its parent's level. */
  child(fields: LogFields): Logger;
};

/** The level in force, shared by a logger and all its children so that one change reaches them all. */
export type LevelGate = { rank: number };

export function levelRank(level: LogLevel): number {
  return logLevels.indexOf(level);
}

/** Builds the methods of a Logger over one function that receives the lines which pass the gate. */
export function loggerOver(
  gate: LevelGate,
  write: (level: LogLevel, msg: string, fields: LogFields) => void,
  child: (fields: LogFields) => Logger,
): Logger {
  const log = (level: LogLevel, msg: string, fields: LogFields = {}): void => {
    if (levelRank(level) >= gate.rank) write(level, msg, fields);
  };
  return {
    trace: (msg, fields) => log('trace', msg, fields),
    debug: (msg, fields) => log('debug', msg, fields),
    info: (msg, fields) => log('info', msg, fields),
    warn: (msg, fields) => log('warn', msg, fields),
    error: (msg, fields) => log('error', msg, fields),
    fatal: (msg, fields) => log('fatal', msg, fields),
    log,
    enabled: (level) => levelRank(level) >= gate.rank,
    child,
  };
}
