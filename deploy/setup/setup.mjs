import { setUp } from './set-up.mjs';
import { report } from './report.mjs';

try {
  await setUp();
} catch (error) {
  process.exitCode = report(error);
}
