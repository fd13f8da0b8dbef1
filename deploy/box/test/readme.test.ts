import { existsSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { requireClient } from '../../checks/clients.ts';
import { createScratch, root } from './box.ts';
import { runShell } from './shell.ts';

const readme = readFileSync(join(root, 'README.md'), 'utf8');
/** The tour of the box. That of identity asks for passwords; its programs have tests with a terminal of their own. */
const tour = /^## The edge in five minutes$([^]*?)^## /m.exec(readme)?.[1] ?? '';
const blocks = [...tour.matchAll(/^```sh\n([^]*?)^```$/gm)].map((match) => match[1]!);

describe('README.md', () => {
  requireClient('curl');

  it('has a tour of the edge whose commands work when pasted', { timeout: 60_000 }, async () => {
    await using scratch = createScratch();
    symlinkSync(join(root, 'bin'), join(scratch.path, 'bin'));
    await scratch.start().page;
    // One terminal: what a block sets, the next ones have.
    const { code, stdout, stderr } = await runShell(`set -e\n${blocks.join('echo "-- "\n')}`, scratch.path);
    expect(code, stdout + stderr).toBe(0);
    const said = stdout.split('-- \n');
    expect(said).toHaveLength(blocks.length);
    const [routes, refusals, added, firewall, rate, told, kept] = said;
    expect(routes).toMatch(/the plain HTTP origin\.[^]*the origin with its own TLS\./);
    expect(refusals).toMatch(/^ua_blocked: [^]*^curl ends with 35\ncurl ends with 35\n$/m);
    expect(stderr).toContain('alert protocol version');
    expect(added).toMatch(/^route new\.box\.test [^]*its own TLS[^]*new\.box\.test +l4 .* api/);
    expect(firewall).toMatch(/curl ends with (7|35|56)\n[^]*reason +blocked_ip$/m);
    expect(rate).toContain('connection 4 refused\n');
    expect(told).toMatch(/ refused rate_limited [^]*reason="rate_limited"[^]*"reason":"rate_limited"/);
    expect(kept).toMatch(/is right\n[^]*\/backups\/[^]*route new\.box\.test removed[^]*^state +serving$/m);
  });

  it('names folders, files and scripts that are there', () => {
    const paths = [...readme.matchAll(/\]\(([^)#]+)\)|^\| `([^`]+)` \|/gm)].map((match) => match[1] ?? match[2]!);
    expect(paths.length).toBeGreaterThan(8);
    expect(paths.filter((path) => !existsSync(join(root, path)))).toEqual([]);
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: object };
    const named = [...readme.matchAll(/\bnpm run ([\w-]+)/g)].map((match) => match[1]!);
    expect(named.filter((name) => !Object.hasOwn(scripts, name))).toEqual([]);
  });
});
