import manifest from '../../../package.json' with { type: 'json' };
import { runCli } from './cli.ts';

// Set, not exit(): what was written to a pipe must leave first.
process.exitCode = await runCli(['--grpc', ...process.argv.slice(2)], process, manifest.version);
