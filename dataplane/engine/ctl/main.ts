import { version } from '../version.ts';
import { runCli } from './cli.ts';

// Set, not exit(): what was written to a pipe must leave first.
process.exitCode = await runCli(process.argv.slice(2), process, version);
