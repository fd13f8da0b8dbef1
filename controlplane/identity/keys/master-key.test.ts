import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { createMasterKey, readMasterKeys, writeMasterKeys } from './index.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mcias-key-'));
  file = join(folder, 'keys', 'master.key');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const read = (credentialsDirectory = '') => readMasterKeys({ file, credentialsDirectory });

describe('the master key file', () => {
  it('has one line a key and is readable by its owner alone', () => {
    const [a, b] = [createMasterKey(), createMasterKey()];
    writeMasterKeys(file, [a, b]);
    expect(readFileSync(file, 'utf8')).toMatch(/^(mcias-master-v1 [0-9a-f]{16} [A-Za-z0-9_-]{43}\n){2}$/);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(read()).toEqual({ path: file, keys: [a, b], writable: true, warnings: [] });
  });

  it('gives way to a credential of systemd', () => {
    const [inFile, given] = [createMasterKey(), createMasterKey()];
    writeMasterKeys(file, [inFile]);
    const credentials = join(folder, 'credentials');
    mkdirSync(credentials);
    expect(read(credentials).keys).toEqual([inFile]);
    writeMasterKeys(join(credentials, 'mcias-master-key'), [given]);
    expect(read(credentials)).toMatchObject({ keys: [given], writable: false });
  });

  it('warns when others can read it', () => {
    writeMasterKeys(file, [createMasterKey()]);
    chmodSync(file, 0o644);
    expect(read().warnings).toEqual([expect.stringMatching(/can be read by other users \(mode 0644\); run chmod/)]);
  });

  it.each([
    ['', /it is empty/],
    ['# a comment\n', /line 1 is no master key/],
    ['mcias-master-v1 0123456789abcdef AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n', /its id does not fit/],
    ['mcias-master-v2 0123456789abcdef AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n', /line 1/],
  ])('refuses %j', (text, message) => {
    writeMasterKeys(file, [createMasterKey()]);
    writeFileSync(file, text);
    expect(() => read()).toThrow(message);
  });

  it('refuses a key with one wrong character and a third key', () => {
    const keys = [createMasterKey(), createMasterKey(), createMasterKey()];
    writeMasterKeys(file, keys);
    expect(() => read()).toThrow(/at most two/);
    writeMasterKeys(file, keys.slice(0, 1));
    const text = readFileSync(file, 'utf8');
    const at = text.length - 10;
    writeFileSync(file, text.slice(0, at) + (text[at] === 'A' ? 'B' : 'A') + text.slice(at + 1));
    expect(() => read()).toThrow(/its id does not fit it/);
  });

  it('says where to get it from when it is missing', () => {
    expect(() => read()).toThrow(/does not exist; restore it from its safe place, or run `mcias key reset-master`/);
  });
});
