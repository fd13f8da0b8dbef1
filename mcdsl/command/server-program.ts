import { Option } from 'commander';
import type { z } from 'zod';

import { configJsonSchema, formatProblems, loadConfigFile, placeText } from '../config/index.ts';
import type { ConfigDefinition, Frozen, Problem } from '../config/index.ts';
import { openDatabase } from '../database/index.ts';
import type { Migration } from '../database/index.ts';
import type { Lifecycle, RunningServer } from '../lifecycle/index.ts';
import { runServer } from '../lifecycle/index.ts';
import { createLogger } from '../logging/index.ts';
import type { LogLevel, RootLogger } from '../logging/index.ts';
import { takeSnapshot } from '../snapshot/index.ts';
import { exitCode, formatSize } from '../terminal/index.ts';
import type { ExitCode } from '../terminal/index.ts';
import { commandErrors, refuseUsage, startExitCodeOf } from './errors.ts';
import { loadOrThrow, type Loaded } from './load.ts';
import { createProgram } from './program.ts';
import type { Program, Streams } from './program.ts';

/** What a server is, for its command line. */
export type ServerDescriptor<S extends z.ZodObject> = {
  /** Of the program and its folder below /srv. */
  readonly name: string;
  readonly description: string;
  readonly version: string;
  readonly config: ConfigDefinition<S>;
  readonly migrations: readonly Migration[];
  /** Where the database is; null for a server without one. */
  databasePath(config: Frozen<z.output<S>>): string | null;
  logLevel(config: Frozen<z.output<S>>): LogLevel;
  /** What the operator is told beside each snapshot: `fields` with --json, else `line`. */
  snapshotNote?(config: Frozen<z.output<S>>): SnapshotNote;
  /** Flags of `server` that this one has beside those of every server; given ones are in `ServeContext.flags`. */
  readonly serverFlags?: readonly ServerFlag[];
  /** Commands that this server has beside those of every server. */
  addCommands?(own: OwnCommands<S>): void;
  serve(context: ServeContext<S>): Promise<RunningServer>;
};

/** @property name without the dashes, such as `accept-loss` */
export type ServerFlag = { readonly name: string; readonly description: string };

export type SnapshotNote = { readonly fields: Readonly<Record<string, unknown>>; readonly line: string };

export type OwnCommands<S extends z.ZodObject> = Pick<Program, 'command' | 'terminal' | 'signal' | 'action'> & {
  /**
   * The configuration without the checks across settings and files: who repairs a server must not need its certificate.
   * @throws SystemError `config_invalid`
   */
  readConfig(): Frozen<z.output<S>>;
};

export type ServeContext<S extends z.ZodObject> = {
  readonly loaded: Loaded<S>;
  readonly version: string;
  readonly logger: RootLogger;
  readonly lifecycle: Lifecycle;
  /** Asked for by `--take-over`: another process serves this configuration, and is to end once this one does. */
  readonly takeOver: boolean;
  /** Names of the `serverFlags` that were given. */
  readonly flags: ReadonlySet<string>;
  /**
   * For `reload`: reads the file again and logs its warnings. Its log level is for `reload` to set once the rest is in force.
   * @throws SystemError `config_invalid`; then nothing has changed
   */
  reloadConfig(): Loaded<S>;
};

/**
 * The command line of a server: server, snapshot, migrate, config check, config schema, version. `server` ends the
 * process itself; every other command returns its exit code.
 */
export function runServerProgram<S extends z.ZodObject>(
  descriptor: ServerDescriptor<S>,
  argv: readonly string[],
  streams: Streams,
): Promise<ExitCode> {
  const { name, version } = descriptor;
  const program = createProgram(name, descriptor.description, streams, argv.includes('--json'));
  const { command, terminal } = program;
  const configFile = (): string => command.opts<{ config: string }>().config;

  command
    .version(`${name} ${version}`, '--version', 'print the version')
    .addOption(new Option('--config <file>', 'the configuration').default(`/srv/${name}/${name}.toml`))
    .addHelpText('after', '\nExit codes: 0 done, 1 failed, 64 wrong usage, 78 wrong configuration, 130 interrupted.');

  const server = command
    .command('server')
    .description('run the server until SIGTERM; SIGHUP reads the configuration again')
    .option('--take-over', 'replace the one that runs on this configuration without a failed connection');
  const own = (descriptor.serverFlags ?? []).map(({ name: flag, description }) => {
    const option = new Option(`--${flag}`, description);
    server.addOption(option);
    return option;
  });
  server.action(
    program.action((given: Readonly<Record<string, unknown>>) => {
      const flags = own.filter((option) => given[option.attributeName()] === true).map((option) => option.name());
      return serve(descriptor, configFile(), given['takeOver'] === true, new Set(flags));
    }),
  );

  command
    .command('snapshot')
    .description('write a copy of the database beside it, in backups/, while the server runs')
    .option('--keep <count>', 'how many copies stay, this one included', countOption)
    .option('--json', 'print JSON')
    .action(program.action(({ keep }: { keep?: number }) => snapshot(descriptor, program, configFile(), keep)));

  command
    .command('migrate')
    .description('bring the database to the schema of this version; the server does so too when it starts')
    .option('--json', 'print JSON')
    .action(program.action(() => migrate(descriptor, program, configFile())));

  const config = command.command('config').description('work with the configuration file');
  config
    .command('check')
    .description('print every problem of the configuration with its place')
    .option('--json', 'print JSON')
    .action(program.action(() => checkConfig(descriptor, program, configFile())));
  config
    .command('schema')
    .description('print the JSON Schema of the configuration, for editors')
    .action(program.action(() => terminal.write(`${JSON.stringify(configJsonSchema(descriptor.config), null, 2)}\n`)));

  command
    .command('version')
    .description('print the version')
    .option('--json', 'print JSON')
    .action(
      program.action(() => {
        terminal.show({ name, version, node: process.version }, () => `${name} ${version}`);
      }),
    );

  const readConfig = (): Frozen<z.output<S>> => shapeOf(descriptor, configFile());
  descriptor.addCommands?.({ ...program, readConfig });
  return program.run(argv);
}

async function serve<S extends z.ZodObject>(
  descriptor: ServerDescriptor<S>,
  configFile: string,
  takeOver: boolean,
  flags: ReadonlySet<string>,
): Promise<never> {
  const loaded = loadOrThrow(descriptor.config, configFile);
  const logger = createLogger({ service: descriptor.name, level: descriptor.logLevel(loaded.config) });
  logWarnings(logger, loaded.warnings);
  const reloadConfig = (): Loaded<S> => {
    const next = loadOrThrow(descriptor.config, configFile);
    logWarnings(logger, next.warnings);
    return next;
  };
  return runServer({ logger, startExitCode: startExitCodeOf }, (lifecycle) => {
    logger.info('starting', { version: descriptor.version, pid: process.pid, config: configFile });
    const { version } = descriptor;
    return descriptor.serve({ loaded, version, logger, lifecycle, takeOver, flags, reloadConfig });
  });
}

function logWarnings(logger: RootLogger, warnings: readonly Problem[]): void {
  for (const { message, place } of warnings) logger.warn(`configuration: ${message}`, { place: placeText(place) });
}

/** Without the checks across settings and files: an expired certificate must not stop the nightly copy of the database. */
function shapeOf<S extends z.ZodObject>(descriptor: ServerDescriptor<S>, configFile: string): Frozen<z.output<S>> {
  const { check: _check, ...shape } = descriptor.config;
  return loadOrThrow(shape, configFile).config;
}

function databaseOf<S extends z.ZodObject>(descriptor: ServerDescriptor<S>, config: Frozen<z.output<S>>): string {
  const path = descriptor.databasePath(config);
  if (path !== null) return path;
  throw commandErrors.error('no_database', `${descriptor.name} has no database`);
}

function snapshot<S extends z.ZodObject>(
  descriptor: ServerDescriptor<S>,
  { terminal }: Program,
  configFile: string,
  keep: number | undefined,
): void {
  const config = shapeOf(descriptor, configFile);
  const path = databaseOf(descriptor, config);
  const taken = takeSnapshot({ path, ...(keep === undefined ? {} : { keep }) });
  const { path: copy, sizeBytes, schemaVersion, removed } = taken;
  const note = descriptor.snapshotNote?.(config);
  terminal.show({ path: copy, size_bytes: sizeBytes, schema_version: schemaVersion, removed, ...note?.fields }, () => {
    const gone = removed.length === 0 ? '' : `, ${removed.length} older removed`;
    return `${copy} (${formatSize(sizeBytes)}, schema ${schemaVersion}${gone})\n${note === undefined ? '' : `${note.line}\n`}`;
  });
}

function migrate<S extends z.ZodObject>(
  descriptor: ServerDescriptor<S>,
  { terminal }: Program,
  configFile: string,
): void {
  const path = databaseOf(descriptor, shapeOf(descriptor, configFile));
  using database = openDatabase({ path, migrations: descriptor.migrations });
  const { migration, warnings } = database.opened;
  for (const warning of warnings) terminal.warn(warning);
  const { fromVersion, toVersion } = migration;
  terminal.show({ path, from_version: fromVersion, to_version: toVersion }, () =>
    fromVersion === toVersion
      ? `${path} has schema ${toVersion} already`
      : `${path} migrated from schema ${fromVersion} to ${toVersion}`,
  );
}

function checkConfig<S extends z.ZodObject>(
  descriptor: ServerDescriptor<S>,
  { terminal }: Program,
  configFile: string,
): ExitCode {
  const result = loadConfigFile(descriptor.config, configFile);
  const problems = result.ok ? result.warnings : result.problems;
  terminal.show({ ok: result.ok, file: configFile, problems }, () => {
    const printed = formatProblems(problems, terminal.colours);
    return result.ok ? `${printed}${configFile} is right\n` : printed;
  });
  return result.ok ? exitCode.ok : exitCode.badConfig;
}

function countOption(text: string): number {
  const count = Number(text);
  if (/^[1-9][0-9]{0,4}$/.test(text)) return count;
  return refuseUsage(`--keep ${JSON.stringify(text)} is no whole number from 1 to 99999`);
}
