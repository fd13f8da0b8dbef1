import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSite, layGround, writeFiles, type Ground } from '../ground.ts';
import { findInstalled, missingOf } from '../installed.ts';
import { loadScenarios } from '../load-scenarios.ts';
import { programPath } from '../parts.ts';
import type { Command, Contestant, Scenario } from '../model.ts';
import { nginx } from '../servers.ts';
import { BLOCKED_COUNTRY, blockedNetworks, countryNetworks } from '../blocked-networks.ts';

const scenarios = await loadScenarios();
const installed = findInstalled();

let ground: Ground;
beforeAll(async () => {
  ground = await layGround();
});
afterAll(() => ground[Symbol.dispose]());

type Case = readonly [scenario: string, name: string, contestant: Contestant];

/** Scenarios share configurations; each is checked once. */
function distinct(of: (scenario: Scenario) => (readonly [string, Contestant])[]): Case[] {
  const all = scenarios.flatMap((scenario) => of(scenario).map(([name, one]): Case => [scenario.name, name, one]));
  return all.filter(([, , { config }], index) => all.findIndex(([, , one]) => one.config === config) === index);
}

/** Runs the server's own check of a configuration as the scenario writes it, at its smallest size. */
async function check([scenarioName, name, { server, config }]: Case) {
  const scenario = scenarios.find((one) => one.name === scenarioName)!;
  const size = scenario.scale?.sizes[0] ?? 0;
  const site = await createSite(ground, scenario, name, { backendPort: 9, workers: 2, size });
  await writeFiles(ground, scenario);
  const file = join(site.dir, server.configName);
  writeFileSync(file, config(site));
  const [program, ...args]: Command = server.test?.(file) ?? ['true'];
  const env = { ...process.env, PATH: programPath(), ...server.env?.(site) };
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', env });
  return { status, output: stdout + stderr };
}

describe('BE-3 scenarios', () => {
  it('are those of the first release', () => {
    expect(scenarios.map(({ name }) => name)).toEqual([
      'add-route',
      'l4-connection',
      'l4-idle',
      'l4-stream-up',
      'l4-stream',
      'l7-download',
      'l7-h1',
      'l7-h2',
      'l7-handshake',
      'l7-latency',
      'l7-resumption',
      'l7-upload',
      'mcias-login',
      'mcias-memory',
      'mcias-signature',
      'mcias-start',
      'mcias-validate-grpc',
      'mcias-validate',
      'refused-connection',
      'refused-country',
      'scale-connections',
      'scale-routes',
    ]);
  });

  it.each(distinct(({ ours }) => [['ours', ours]]))(
    '%s has a configuration of ours that passes config check',
    async (...one) => {
      expect(await check(one)).toMatchObject({ status: 0 });
    },
  );

  const rivals = distinct((scenario) => Object.entries(scenario.rivals));
  for (const one of rivals) {
    const [scenario, rival, { server }] = one;
    it.skipIf(missingOf(installed, server.needs).length > 0)(
      `${scenario} has a configuration that ${rival} takes`,
      async () => {
        const { status, output } = await check(one);
        expect({ status, output }).toMatchObject({ status: 0 });
        // Caddy warns of spaces where it likes tabs.
        expect(output.replace(/.*input is not formatted.*/, '')).not.toMatch(/warn/i);
      },
    );
  }

  const backends = new Map(scenarios.map((scenario) => [scenario.backend, scenario.name]));
  for (const [backend, scenario] of backends) {
    const { config, needs = [] } = backend ?? {};
    if (config === undefined) continue;
    it.skipIf(missingOf(installed, needs).length > 0)(`${scenario} has a backend that starts`, async () => {
      expect(await check([scenario, 'backend', { server: nginx, config }])).toMatchObject({ status: 0 });
    });
  }

  it('block 100,000 disjoint networks, one of them the load’s', () => {
    const networks = blockedNetworks();
    expect(new Set(networks.map((network) => network.split('/')[0])).size).toBe(100_000);
    expect(networks.filter((network) => network.startsWith('127.'))).toEqual(['127.0.0.1/32']);
    expect(networks).not.toContain('127.0.0.2/32');
    const blocked = countryNetworks().filter(([, country]) => country === BLOCKED_COUNTRY);
    expect(blocked).toEqual([['127.0.0.1/32', BLOCKED_COUNTRY]]);
  });
});
