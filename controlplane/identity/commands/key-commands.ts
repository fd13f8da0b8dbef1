import { formatTable } from '../../../mcdsl/terminal/index.ts';
import type { Column } from '../../../mcdsl/terminal/index.ts';
import type { SigningKey } from '../keys/index.ts';
import type { MciasCommands } from './index.ts';
import { listKeys, resetMasterKey, rotateMasterKey } from './keys.ts';
import { page } from './show.ts';

/** `key list|rotate-master|reset-master`. */
export function addKeyCommands(own: MciasCommands): void {
  const { command, terminal, action } = own;
  const options = () => ({ config: own.readConfig(), terminal, now: Date.now() });
  const keys = command.command('key').description('work with the master key and the signing keys');

  keys
    .command('list')
    .description('show the master key, its age and the signing keys')
    .option('--json', 'print JSON')
    .action(
      action(() => {
        const { masterKeyId, since, file, inFile, warnings, signingKeys } = listKeys(options());
        const ageDays = since === null ? null : Math.floor((Date.now() - since) / dayMs);
        const opens = masterKeyId !== null && inFile.includes(masterKeyId);
        const json = {
          master_key: { id: masterKeyId, since: timeOf(since), age_days: ageDays, file, in_file: inFile, opens },
          signing_keys: signingKeys.map(keyJson),
        };
        terminal.show(json, () =>
          page(
            [
              ['master key', masterKeyId],
              ['since', since === null ? null : `${new Date(since).toISOString()}, ${ageDays} days ago`],
              ['file', file],
              ['in the file', inFile.length > 1 ? `${inFile.join(', ')}: a rotation is unfinished` : inFile.join('')],
              ['opens the database', opens ? 'yes' : 'no'],
            ],
            formatTable(signingKeyColumns, signingKeys),
          ),
        );
        for (const warning of warnings) terminal.warn(warning);
      }),
    );

  keys
    .command('rotate-master')
    .description('seal every row under a new master key; finishes a run that was interrupted')
    .option('--json', 'print JSON')
    .action(
      action(() => {
        const { from, to, resumed } = rotateMasterKey(options());
        terminal.show({ from, to, resumed }, () => `master key ${to} replaces ${from}: keep a copy of the key file\n`);
      }),
    );

  keys
    .command('reset-master')
    .description('begin anew after the master key is lost: every password and second factor is gone')
    .option('--json', 'print JSON')
    .action(
      action(async () => {
        const { from, to, snapshot, people } = await resetMasterKey(options());
        terminal.show({ from, to, snapshot, people }, () =>
          [
            `master key ${to} replaces ${from ?? 'none'}, which is lost: keep a copy of the key file`,
            `the database before is ${snapshot}, in case the old key is found`,
            `issued tokens stay valid; each of these needs \`mcias recover\` or a reset ticket: ${people.join(', ') || 'nobody'}\n`,
          ].join('\n'),
        );
      }),
    );
}

const dayMs = 86_400_000;

const signingKeyColumns: readonly Column<SigningKey>[] = [
  { title: 'signing key', value: ({ kid }) => kid },
  { title: 'use', value: ({ use }) => use },
  { title: 'alg', value: ({ alg }) => alg },
  { title: 'state', value: ({ state }) => state },
  { title: 'created', value: ({ createdAt }) => new Date(createdAt).toISOString() },
  { title: 'not after', value: ({ notAfter }) => (notAfter === null ? null : new Date(notAfter).toISOString()) },
];

function keyJson({ kid, use, alg, state, createdAt, notAfter }: SigningKey) {
  return { kid, use, alg, state, created_at: new Date(createdAt), not_after: timeOf(notAfter) };
}

function timeOf(ms: number | null): Date | null {
  return ms === null ? null : new Date(ms);
}
