import { writeSync } from 'node:fs';
import { openStore } from '../../store/index.ts';
import { createState } from '../index.ts';
import { configuredFrom, TWO_LISTENERS } from './harness.ts';

/** Adds routes without end and writes the name of each acknowledged one to stdout; is killed by the test that starts it. */
const [, , database = ''] = process.argv;
const state = createState({
  configured: configuredFrom(TWO_LISTENERS),
  store: openStore({ path: database }),
  publish: () => Promise.resolve(),
  report: () => {},
  failed: () => {},
});
for (let index = 0; ; index++) {
  const hostname = `h${index}.test`;
  await state.addRoute(':443', { hostname, backends: ['10.0.0.9:443'], mode: 'l4' });
  writeSync(1, `${hostname}\n`);
}
