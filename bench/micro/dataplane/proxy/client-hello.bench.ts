import { test } from 'vitest';
import { readClientHello } from '../../../../dataplane/proxy/client-hello/index.ts';
import { makeHello } from '../../../load/hello.ts';
import { batch } from '../../batch.ts';

const MAX_BYTES = 16 * 1024;
const whole = await makeHello('app.example.test');

test('a whole hello with a post-quantum key share', async ({ bench }) => {
  await bench(
    'whole hello',
    batch([whole], (bytes) => readClientHello(bytes, MAX_BYTES)),
  ).run();
});

test('the first half of a hello', async ({ bench }) => {
  await bench(
    'first half',
    batch([whole.subarray(0, whole.length / 2)], (bytes) => readClientHello(bytes, MAX_BYTES)),
  ).run();
});
