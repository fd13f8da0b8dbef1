import { identityErrors } from '../../errors.ts';
import { openStore } from '../../store/index.ts';
import { requireAccount, setRoles } from '../index.ts';

/** A process of its own that takes the role admin from an account: `demote.ts DATABASE ACCOUNT-ID`. */
const [path = '', id = ''] = process.argv.slice(2);
using store = openStore({ path, busyTimeoutMs: 10_000 });
try {
  store.change((writer) => setRoles(writer, id, requireAccount(writer, id).revision, ['user'], 'test', 1));
  process.send?.('done');
} catch (error) {
  process.send?.(identityErrors.is(error) ? error.code : String(error));
}
