import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { unitFiles } from './units.ts';

for (const [name, content] of unitFiles()) {
  writeFileSync(join(import.meta.dirname, name), content);
  process.stderr.write(`wrote ${name}\n`);
}
