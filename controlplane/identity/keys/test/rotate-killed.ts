import { openStore } from '../../store/index.ts';
import { rotateMaster } from '../index.ts';

/** A process that kills itself while it rotates the master key: `rotate-killed.ts DATABASE KEY-FILE STEP`. */
const [path = '', file = '', step = ''] = process.argv.slice(2);
using store = openStore({ path, busyTimeoutMs: 10_000 });
rotateMaster(
  store,
  { file, credentialsDirectory: '' },
  {
    now: 5,
    inTransaction: () => {
      if (step === 'in_transaction') process.kill(process.pid, 'SIGKILL');
    },
    onStep: (done) => {
      if (done === step) process.kill(process.pid, 'SIGKILL');
    },
  },
);
