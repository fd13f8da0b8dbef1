// A process that opens the admin socket named by its argument, says how that went, and stays until it is ended.
import { openAdmin } from './fixture.ts';

const [path = '', whenLive = 'refuse'] = process.argv.slice(2);
try {
  const admin = await openAdmin(path, { whenLive: whenLive === 'replace' ? 'replace' : 'refuse' });
  process.stdout.write('open\n');
  process.once('SIGTERM', () => void admin.close(100).then(() => process.exit(0)));
} catch (error) {
  process.stdout.write(`${(error as { code?: string }).code ?? String(error)}\n`);
}
