import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { searchPath } from '../../../deploy/checks/find-program.ts';
import { createSite, layGround, writeFiles, type Ground } from '../ground.ts';
import { findInstalled } from '../installed.ts';
import { loadScenarios } from '../load-scenarios.ts';
import { RIVALS, type Command, type Config, type Scenario } from '../model.ts';
import { SERVER_KINDS, type ServerKind } from '../servers.ts';
import { blockedNetworks } from '../scenarios/refused-connection.ts';

const scenarios = await loadScenarios();
const installed = findInstalled();

let ground: Ground;
beforeAll(async () => {
  ground = await layGround();
});
afterAll(() => ground[Symbol.dispose]());

/** Runs the server's own check of a configuration as the scenario writes it. */
async function check(scenario: Scenario, name: string, config: Config, kind: ServerKind) {
  const site = await createSite(ground, scenario, name, { backendPort: 9, workers: 2 });
  writeFiles(ground, scenario);
  const file = join(site.dir, kind.configName);
  writeFileSync(file, config(site));
  const [program, ...args]: Command = kind.test(file);
  const env = { ...process.env, PATH: searchPath(), ...kind.env(site.dir, 2) };
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', env });
  return { status, output: stdout + stderr };
}

describe('BE-3 scenarios', () => {
  it('are those of the first release', () => {
    expect(scenarios.map(({ name }) => name)).toEqual([
      'l4-connection',
      'l4-stream',
      'l7-h1',
      'l7-h2',
      'refused-connection',
    ]);
  });

  describe.each(scenarios)('$name', (scenario) => {
    it('has a configuration of ours that passes config check', async () => {
      expect(await check(scenario, 'ours', scenario.ours, SERVER_KINDS.ours)).toMatchObject({ status: 0 });
    });

    for (const rival of RIVALS) {
      const config = scenario.rivals[rival];
      if (config === undefined) continue;
      it.skipIf(installed[rival] === null)(`has a configuration that ${rival} takes`, async () => {
        const { status, output } = await check(scenario, rival, config, SERVER_KINDS[rival]);
        expect({ status, output }).toMatchObject({ status: 0 });
        // Caddy warns of spaces where it likes tabs.
        expect(output.replace(/.*input is not formatted.*/, '')).not.toMatch(/warn/i);
      });
    }

    const { config, needs } = scenario.backend;
    if (config !== undefined) {
      it.skipIf(needs.some((part) => installed[part] === null))('has a backend that starts', async () => {
        const result = await check(scenario, 'backend', config, SERVER_KINDS.nginx);
        expect(result).toMatchObject({ status: 0 });
      });
    }
  });

  it('block 100,000 disjoint networks, one of them the load’s', () => {
    const networks = blockedNetworks();
    expect(new Set(networks.map((network) => network.split('/')[0])).size).toBe(100_000);
    expect(networks.filter((network) => network.startsWith('127.'))).toEqual(['127.0.0.1/32']);
    expect(networks).not.toContain('127.0.0.2/32');
  });
});
