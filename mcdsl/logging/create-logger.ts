import { isatty } from 'node:tty';

import { pino, stdTimeFunctions } from 'pino';
import type { Logger as PinoLogger } from 'pino';
import { prettyFactory } from 'pino-pretty';

import { hasColours } from '../terminal/colour.ts';
import { escapeControl, escapeControlLines } from '../terminal/escape.ts';
import { cleanFields } from './clean.ts';
import type { CleanFields } from './clean.ts';
import { openLogDestination } from './destination.ts';
import type { LogDestination, LogDestinationStats } from './destination.ts';
import { levelRank, logLevels, loggerOver } from './logger.ts';
import type { LevelGate, LogFields, Logger, LogLevel } from './logger.ts';

export type LoggerOptions = {
  /** The name in each line's `service`. */
  readonly service: string;
  readonly level: LogLevel;
  /** Where lines go; standard output when left out. */
  readonly destination?: LogDestination;
  /** For people rather than programs. When left out: only if standard output is a terminal. */
  readonly pretty?: boolean;
};

export type RootLogger = Logger &
  Disposable & {
    level(): LogLevel;
    /** Takes effect at once, for this logger and all its children. */
    setLevel(level: LogLevel): void;
    /** Writes what is buffered, waiting for a slow reader no longer than this. */
    flush(timeoutMs: number): void;
    stats(): LogDestinationStats;
  };

/**
 * The logger of a process: one JSON object a line with `level`, `time` (ISO 8601, UTC), `service`, `msg` and the fields.
 * Disposing flushes and closes the destination that it opened itself, and leaves a given one alone.
 */
export function createLogger(options: LoggerOptions): RootLogger {
  const destination = options.destination ?? openLogDestination(1);
  const pretty = options.pretty ?? (options.destination === undefined && isatty(1));
  const gate: LevelGate = { rank: levelRank(options.level) };
  const root = pino(
    {
      level: 'trace',
      base: { service: options.service },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      // Errors are plain by then; pino would take them for errors once more.
      serializers: { err: (err: unknown) => err },
    },
    pretty ? prettyTarget(destination) : destination,
  );
  const prepare = pretty ? printable : (fields: CleanFields) => fields;
  const over = (line: PinoLogger): Logger =>
    loggerOver(
      gate,
      (level, msg, fields) => line[level](prepare(safeFields(fields)), pretty ? escapeControlLines(msg) : msg),
      (more) => over(line.child(prepare(safeFields(more)))),
    );
  return {
    ...over(root),
    level: () => logLevels[gate.rank] ?? 'info',
    setLevel(level) {
      gate.rank = levelRank(level);
    },
    flush: (timeoutMs) => destination.flush(timeoutMs),
    stats: () => destination.stats(),
    [Symbol.dispose]() {
      if (options.destination === undefined) destination[Symbol.dispose]();
    },
  };
}

const reserved = ['level', 'time', 'service', 'msg'] as const;

/** Fields of the line's own names would make two keys of one name in its JSON; they move aside. */
function safeFields(fields: LogFields): CleanFields {
  const clean = cleanFields(fields);
  for (const key of reserved) {
    if (!Object.hasOwn(clean, key)) continue;
    clean[`field_${key}`] = clean[key];
    delete clean[key];
  }
  return clean;
}

function prettyTarget(destination: LogDestination): { write(line: string): void } {
  const format = prettyFactory({
    colorize: hasColours({ isTTY: true }, process.env),
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'pid,hostname,service',
    singleLine: true,
  });
  return { write: (line) => destination.write(format(line)) };
}

/** Escapes every text of the fields, since the pretty form prints them raw on a terminal. */
function printable(fields: CleanFields): CleanFields {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [escapeControl(key), printableValue(value, key)]),
  );
}

function printableValue(value: unknown, key: string): unknown {
  if (typeof value === 'string') return key === 'stack' ? escapeControlLines(value) : escapeControl(value);
  if (Array.isArray(value)) return value.map((item) => printableValue(item, ''));
  if (typeof value === 'object' && value !== null) return printable({ ...value });
  return value;
}
