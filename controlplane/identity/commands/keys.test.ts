import { renameSync, statSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { everything, listAudit } from '../audit/index.ts';
import { createPlace, type Place } from './test/place.ts';

let place: Place;
beforeEach(async () => {
  place = createPlace();
  await place.json('init', '--admin', 'root', '--generate');
});
afterEach(() => place[Symbol.dispose]());

type Keys = {
  master_key: { id: string; opens: boolean; in_file: string[]; age_days: number };
  signing_keys: { state: string }[];
};
const keys = async () => (await place.json('key', 'list')) as unknown as Keys;

function lastEvents(limit: number): readonly string[] {
  using store = place.open();
  return listAudit(store.reader, everything, { limit, cursor: null }).items.map(({ event }) => event);
}

describe('mcias key', () => {
  it('lists the master key, its age and the signing keys', async () => {
    const { master_key: master, signing_keys: signing } = await keys();
    expect(master).toMatchObject({ opens: true, in_file: [master.id], age_days: 0 });
    expect(signing.map(({ state }) => state)).toEqual(['valid']);
    expect((await place.run('key', 'list')).stdout).toContain(master.id);
  });

  it('rotate-master puts a new key in place, audited, and the password still opens', async () => {
    const before = (await keys()).master_key.id;
    const { from, to } = await place.json('key', 'rotate-master');
    expect({ from, other: to === before }).toEqual({ from: before, other: false });
    expect((await keys()).master_key).toMatchObject({ id: to, opens: true, in_file: [to] });
    expect(lastEvents(1)).toEqual(['master_key.rotated']);
    expect(statSync(place.keyFile).mode & 0o777).toBe(0o600);
  });

  it('reset-master begins anew after a loss, keeps the database before, and recover gives logins back', async () => {
    expect(await place.run('key', 'reset-master')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('rotate-master'),
    });
    const lost = `${place.keyFile}.lost`;
    renameSync(place.keyFile, lost);
    expect((await keys()).master_key).toMatchObject({ opens: false, in_file: [] });
    expect(await place.run('recover', 'root', '--generate')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('reset-master'),
    });
    const { snapshot, people } = await place.json('key', 'reset-master');
    expect(people).toEqual(['root']);
    expect(await keys()).toMatchObject({ master_key: { opens: true } });
    const states = (await keys()).signing_keys.map(({ state }) => state);
    expect(states.toSorted()).toEqual(['expired', 'valid']);
    expect(lastEvents(3)).toEqual(['key.activated', 'key.expired', 'master_key.reset']);
    expect((await place.run('recover', 'root', '--generate')).code).toBe(0);
    // The key is found after all.
    await place.json('restore', String(snapshot));
    renameSync(lost, place.keyFile);
    expect((await keys()).master_key.opens).toBe(true);
  });
});

describe('mcias audit verify', () => {
  it('IA-67 exits with 2 and the first entry that is broken', async () => {
    expect(await place.json('audit', 'verify')).toMatchObject({ ok: true, first_seq: 1 });
    using store = place.open();
    store.change((w) => {
      w.run('DROP TRIGGER audit_is_append_only');
      w.run("UPDATE audit SET target = 'somebody' WHERE seq = 2");
    });
    const { code, stdout } = await place.run('audit', 'verify', '--json');
    expect({ code, ...(JSON.parse(stdout) as object) }).toMatchObject({ code: 2, ok: false, broken_seq: 2 });
    expect(await place.run('audit', 'verify')).toMatchObject({ code: 2, stdout: expect.stringContaining('entry 2') });
  });
});

describe('mcias snapshot', () => {
  it('says which master key is needed and that it is not inside', async () => {
    const { id } = (await keys()).master_key;
    expect(await place.json('snapshot')).toMatchObject({ master_key_id: id, master_key_inside: false });
    expect((await place.run('snapshot')).stdout).toContain(`sealed under master key ${id}, which is not inside`);
  });
});
