import { join } from 'node:path';
import { streamBackend } from '../backends.ts';
import { checkStream } from '../checks.ts';
import { haproxyL4, oursL4 } from '../l4-configs.ts';
import type { Scenario } from '../model.ts';
import { parseStreamReport } from '../tools/stream.ts';

const CONNECTIONS = 4;
const GB = 1e9;

export const scenario: Scenario = {
  name: 'l4-stream',
  about: `relay from the backend to the client after a ClientHello; ${CONNECTIONS} streams at once`,
  unit: 'GB',
  backend: streamBackend,
  ours: (site) => oursL4(site),
  rivals: {
    haproxy: (site) => haproxyL4(site, { defaults: '  option splice-request\n  option splice-response\n' }),
  },
  load: {
    needs: [],
    command: ({ port, helloFile }, seconds) => [
      process.execPath,
      join(import.meta.dirname, '../programs/stream-client.ts'),
      String(port),
      helloFile,
      String(CONNECTIONS),
      String(seconds),
    ],
  },
  count(output) {
    const { bytes, errors } = parseStreamReport(output);
    return { units: bytes / GB, errors };
  },
  check: checkStream,
};
