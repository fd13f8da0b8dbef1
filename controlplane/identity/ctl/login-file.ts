import { mkdirSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

import { z } from 'zod';

import { ctlErrors } from './errors.ts';
import { readPrivateFile, writePrivateFile } from './private-file.ts';

const shape = z.object({
  server: z.string(),
  grpc_address: z.string(),
  ca_cert: z.string(),
  server_name: z.string(),
  token: z.string(),
  account: z.string(),
  expires_at: z.iso.datetime(),
  /** From here on the token is renewed before it is used. */
  renew_after: z.iso.datetime(),
});

/** Who is logged in where, so that later commands need neither address nor password. */
export type LoginRecord = Readonly<z.output<typeof shape>>;

/** The record in the user's configuration folder: `$XDG_CONFIG_HOME/mciasctl/login.json`, mode 0600. */
export type LoginFile = {
  readonly path: string;
  /** Null when nobody is logged in. @throws file_refused */
  read(): LoginRecord | null;
  write(record: LoginRecord): void;
  remove(): void;
};

export function openLoginFile(env: NodeJS.ProcessEnv): LoginFile {
  const base = env['XDG_CONFIG_HOME'] ?? '';
  const path = join(base === '' ? join(env['HOME'] ?? homedir(), '.config') : base, 'mciasctl', 'login.json');
  return {
    path,
    read() {
      const text = readPrivateFile(path);
      if (text === null) return null;
      const parsed = shape.safeParse(jsonOf(text));
      if (parsed.success) return parsed.data;
      throw ctlErrors.error('file_refused', `${path} is damaged: remove it and log in again`);
    },
    write(record) {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      writePrivateFile(path, `${JSON.stringify(record, null, 2)}\n`);
    },
    remove: () => rmSync(path, { force: true }),
  };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
