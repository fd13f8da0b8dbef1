import type { Command } from 'commander';

import { exitCode } from '../../../../mcdsl/terminal/index.ts';
import type { Column } from '../../../../mcdsl/terminal/index.ts';
import type { Certificate } from '../../../../proto/gen/mcproxy/v1/mcproxy.ts';
import { addCommand, addGroup } from '../command.ts';
import { certificateJson } from '../json.ts';
import type { Run } from '../session.ts';

/** `certs list|reload`. */
export function addCertificateCommands(program: Command, run: Run): void {
  const certificates = addGroup(program, 'certs', 'list and reload the certificates of l7 routes');

  addCommand(certificates, 'list', {
    summary: 'list the certificates in use and the days they have left',
    description:
      'Lists the certificate of each l7 route: names, issuer and end. A problem says why the files on disk are not in ' +
      'use; the earlier pair then still serves.',
    example: 'mcproxyctl certs list',
  }).action(() =>
    run(async ({ admin, terminal, signal }) => {
      const answer = await admin.listCertificates({}, { signal });
      terminal.showTable(columns, answer.certificates, certificateJson);
      return exitCode.ok;
    }),
  );

  addCommand(certificates, 'reload', {
    summary: 'read every certificate again now',
    description:
      'Reads the files of all certificates again now instead of when they are next looked at. A bad pair is refused and ' +
      'the earlier one stays; the exit code is then 3.',
    example: 'mcproxyctl certs reload',
  }).action(() =>
    run(async ({ admin, terminal, signal }) => {
      const { reloaded, unchanged, failed } = await admin.reloadCertificates({}, { signal });
      const json = { reloaded, unchanged, failed: failed.map(certificateJson) };
      terminal.show(json, () => `${reloaded} reloaded, ${unchanged} unchanged, ${failed.length} refused`);
      if (!terminal.json) {
        for (const { listener, hostname, error } of failed) terminal.warn(`${hostname} on ${listener}: ${error}`);
      }
      return failed.length === 0 ? exitCode.ok : exitCode.partial;
    }),
  );
}

const columns: readonly Column<Certificate>[] = [
  { title: 'listener', value: (certificate) => certificate.listener },
  { title: 'hostname', value: (certificate) => certificate.hostname },
  { title: 'names', value: ({ names }) => names.join(', ') },
  { title: 'issuer', value: (certificate) => certificate.issuer },
  { title: 'not after', value: ({ notAfter }) => notAfter?.toISOString() },
  { title: 'days left', align: 'right', value: (c) => (c.notAfter ? Math.floor(c.daysLeft) : null) },
  { title: 'file', value: (certificate) => certificate.certPath },
  { title: 'problem', value: (certificate) => certificate.error },
];
