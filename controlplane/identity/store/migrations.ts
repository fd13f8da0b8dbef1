import type { Migration } from '../../../mcdsl/database/index.ts';
import { accountTables, auditTables, credentialTables, sessionTables } from './schema.ts';

/** The schema of mcias.db. A released migration is never edited. */
export const migrations: readonly Migration[] = [
  {
    version: 1,
    name: 'accounts, credentials, policy, sessions, tokens, keys and audit',
    up: [accountTables, credentialTables, sessionTables, auditTables].join('\n'),
  },
];
