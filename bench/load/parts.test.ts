import { describe, expect, it } from 'vitest';
import { loadScenarios } from './load-scenarios.ts';
import { partsOf } from './model.ts';
import { parseParts, readParts } from './parts.ts';

describe('BE-5 rivals.list', () => {
  it('has every part that a scenario uses', async () => {
    const listed = readParts().map(({ name }) => name);
    expect(listed).toEqual(expect.arrayContaining((await loadScenarios()).flatMap(partsOf)));
  });

  it('says of a part where it is, how it tells its version, and whose scenarios use it', () => {
    expect(
      parseParts('# a comment\n\ncaddy  caddy  version  deb:caddy  mc-proxy,mcias\nlib /usr/lib/x - deb:y z\n'),
    ).toEqual([
      { name: 'caddy', file: 'caddy', versionArg: 'version', source: 'deb:caddy', systems: ['mc-proxy', 'mcias'] },
      { name: 'lib', file: '/usr/lib/x', versionArg: null, source: 'deb:y', systems: ['z'] },
    ]);
  });

  it.each(['a b c deb:d', 'a b c npm:d e', 'a b c deb:d e f', 'a b - go:c d\na b - go:c d'])('refuses %j', (text) => {
    expect(() => parseParts(text)).toThrow(/rivals\.list/);
  });
});
