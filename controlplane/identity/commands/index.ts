import type { OwnCommands, SnapshotNote } from '../../../mcdsl/command/index.ts';
import { exitCode, promptPassword } from '../../../mcdsl/terminal/index.ts';
import { verifyAudit } from '../audit/index.ts';
import type { identityConfig } from '../config/index.ts';
import { openStore, readMeta } from '../store/index.ts';
import { addKeyCommands } from './key-commands.ts';
import { initialize } from './init.ts';
import type { AskPassword } from './new-password.ts';
import { openOffline, type Config } from './offline.ts';
import { recover } from './recover.ts';
import { restore } from './restore.ts';
import { initialized, recovered, restored } from './show.ts';

export type MciasCommands = OwnCommands<(typeof identityConfig)['schema']>;

type InitFlags = { readonly admin: string; readonly generate?: true };
type RecoverFlags = {
  readonly createAdmin?: true;
  readonly clearMfa?: true;
  readonly unlock?: true;
  readonly generate?: true;
};

/** The commands of mcias beside those of every server. They work on the files themselves: nobody has to be logged in. */
export function addCommands(own: MciasCommands): void {
  const { command, terminal, action } = own;
  const ask: AskPassword = (prompt) => promptPassword(prompt, process.stdin, process.stderr, own.signal);
  const askUnless = (generate: true | undefined): AskPassword | null => (generate === true ? null : ask);

  command
    .command('init')
    .description('make database, keys, the baseline rules and the first admin')
    .requiredOption('--admin <name>', 'account name of the first admin')
    .option('--generate', 'make a password and print it once, instead of asking for one')
    .option('--json', 'print JSON')
    .action(
      action(async ({ admin, generate }: InitFlags) => {
        const config = own.readConfig();
        const done = await initialize({ config, admin, ask: askUnless(generate), terminal, now: Date.now() });
        for (const warning of done.warnings) terminal.warn(warning);
        terminal.show(...initialized(done));
      }),
    );

  command
    .command('recover')
    .description('give a person a new password when every way in is lost; offline, with the server running or not')
    .argument('<name>', 'account name')
    .option('--create-admin', 'make the account where there is none, and give it the role admin')
    .option('--clear-mfa', 'remove TOTP, passkeys and recovery codes')
    .option('--unlock', 'forget failed logins')
    .option('--generate', 'make a password and print it once, instead of asking for one')
    .option('--json', 'print JSON')
    .action(
      action(async (name: string, flags: RecoverFlags) => {
        const { createAdmin = false, clearMfa = false, unlock = false, generate } = flags;
        const config = own.readConfig();
        const options = { config, name, createAdmin, clearMfa, unlock, terminal, now: Date.now() };
        terminal.show(...recovered(await recover({ ...options, ask: askUnless(generate) })));
      }),
    );

  command
    .command('restore')
    .description('put a snapshot in the place of the database, while no server runs')
    .argument('<file>', 'a file that `mcias snapshot` made')
    .option('--keep-sessions', 'keep sessions of people, also those that were ended after the snapshot')
    .option('--json', 'print JSON')
    .action(
      action((file: string, { keepSessions = false }: { keepSessions?: boolean }) => {
        const done = restore({ config: own.readConfig(), file, keepSessions, terminal, now: Date.now() });
        terminal.show(...restored(done));
        if (done.sealedUnder !== null) terminal.warn(done.sealedUnder);
        if (keepSessions) terminal.warn('sessions and tokens that were ended after the snapshot are valid again');
      }),
    );

  command
    .command('audit')
    .description('work with the audit log')
    .command('verify')
    .description('recompute the hash chain; exits with 2 where it is broken')
    .option('--json', 'print JSON')
    .action(
      action(() => {
        using offline = openOffline(own.readConfig(), terminal);
        const report = offline.store.read(verifyAudit);
        if (report.ok) {
          const { entries, firstSeq, lastSeq } = report;
          const range = firstSeq === null ? '' : `, ${firstSeq} to ${lastSeq}`;
          const json = { ok: true, entries, first_seq: firstSeq, last_seq: lastSeq };
          terminal.show(json, () => `the chain of ${entries} entries${range} is whole`);
          return exitCode.ok;
        }
        const { brokenSeq, why } = report;
        terminal.show(
          { ok: false, broken_seq: brokenSeq, why },
          () => `the chain is broken at entry ${brokenSeq}: ${why}`,
        );
        return exitCode.drift;
      }),
    );

  addKeyCommands(own);
}

/** A snapshot without the key opens nothing, and with it everything: they are kept apart. */
export function snapshotNote({ database }: Config): SnapshotNote {
  using store = openStore({ path: database.path });
  const id = readMeta(store.reader, 'master_key_id');
  return {
    fields: { master_key_id: id, master_key_inside: false },
    line:
      id === null
        ? 'there is no master key yet'
        : `sealed under master key ${id}, which is not inside: keep a copy of the key file at another place`,
  };
}
