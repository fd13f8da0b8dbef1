// A process that kills itself at a step of a command: `killed.ts CONFIG STEP init|restore [FILE]`.
import { loadConfigFile } from '../../../../mcdsl/config/index.ts';
import { identityConfig } from '../../config/index.ts';
import { initialize } from '../init.ts';
import { restore } from '../restore.ts';

const [configFile = '', step = '', command = '', file = ''] = process.argv.slice(2);
const loaded = loadConfigFile(identityConfig, configFile);
if (!loaded.ok) throw new Error('the configuration is wrong');
const onStep = (reached: string): void => {
  if (reached === step) process.kill(process.pid, 'SIGKILL');
};
const common = { config: loaded.config, terminal: { warn: () => undefined }, now: Date.now(), onStep };
if (command === 'init') await initialize({ ...common, admin: 'root', ask: null });
else restore({ ...common, file, keepSessions: false });
