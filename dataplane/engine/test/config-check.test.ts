import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { baseConfig, makeTempDir, ROOT, run, startMcProxy, type CommandResult } from './running-proxy.ts';
import { createPki } from './tls-peers.ts';

/** A mistake a line: what stands behind `#!` is what has to be said about the line, at the column of `^`. */
const MISTAKES = String.raw`
[[listenerz]]                             #! 3 unknown section or key "listenerz" | did you mean "listeners"?
addr = ":443"
[[listeners]]
addr = "127.0.0.1"                        #! 8 has no port
[[listeners]]
addr = "127.0.0.1:8443"
default_rout = "a.test"                   #! 1 unknown key "default_rout" | did you mean "default_route"?
proxy_protocol = true
trusted_proxies = ["10.1.2.3/8"]          #! 20 host bits set | did you mean "10.0.0.0/8"?
[[listeners.routes]]
hostname = "a.test"
backend = "127.0.0.1"                     #! 11 backend "127.0.0.1" has no port
mode = "l4"
[[listeners.routes]]
hostname = "A.test."                      #! 12 two routes of 127.0.0.1:8443 have the hostname a.test | the first route at
backend = "127.0.0.1:1"
mode = "l7"
tls_cert = "DIR/none.pem"                 #! 12 none.pem cannot be read (ENOENT)
tls_key = "DIR/none.key"
[[listeners.routes]]
hostname = "locked.test"
backend = "127.0.0.1:1"
mode = "l7"
tls_cert = "DIR/folder"                   #! 12 is not a file
tls_key = "DIR/none.key"
[[listeners.routes]]
hostname = "not a host"                   #! 12 not a host
backend = "127.0.0.1:1"
mode = "l4"
[[listeners.routes]]
hostname = "b.test"
backend = "127.0.0.1:1"
mode = "l5"                               #! 8 "l5" is not allowed | did you mean "l4"?
[[listeners.routes]]
hostname = "c.test"
backend = "127.0.0.1:1"
mode = "l4"
backend_tls = true                        #! 15 no effect on an l4 route
[firewall]
blocked_ips = ["192.0.2.1", "300.1.1.1"]  #! 29 "300.1.1.1" is not an IP address
blocked_cidrs = ["192.0.2.0/33"]          #! 18 192.0.2.0/33
blocked_countries = ["DE", "XX"]          #! 28 "XX" is not an ISO 3166-1 alpha-2 country code
rate_limit = -1                           #! 14 at least 0
rate_window = "10 parsecs"                #! 15 is not a duration
[tls]
groups = "X25519:P-999"                   #! 10 no key-exchange group "P-999"
[log]
level = "loud"                            #! 9 "loud" is not allowed
`;

describe('mc-proxy config', () => {
  const dir = makeTempDir();
  const file = join(dir, 'mc-proxy.toml');
  beforeAll(() => mkdirSync(join(dir, 'folder')));
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  const mcProxy = (...args: string[]): Promise<CommandResult> => run(join(ROOT, 'bin/mc-proxy'), args);
  const text = baseConfig(dir) + MISTAKES.replaceAll('DIR', dir);
  const expected = text.split('\n').flatMap((line, index) => {
    const [, column, says = ''] = /#! (\d+) (.*)$/.exec(line) ?? [];
    return column === undefined ? [] : [{ place: `${file}:${index + 1}:${column}: error: `, says: says.split(' | ') }];
  });

  it('check prints every mistake of a file with its place, line and remedy, and ends with 78', async () => {
    writeFileSync(file, text);
    const { code, stdout, stderr } = await mcProxy('config', 'check', '--config', file);
    expect({ code, stderr }).toEqual({ code: 78, stderr: '' });
    const printed = stdout.split('\n\n');
    for (const { place, says } of expected) {
      const problem = printed.find((each) => each.startsWith(place)) ?? `nothing at ${place}\n${stdout}`;
      for (const words of says) expect(problem).toContain(words);
      expect(problem).toMatch(/\n +\d+ \| .*\n +\| +\^+/);
    }
    expect(printed.filter((each) => /:\d+:\d+: error: /.test(each))).toHaveLength(expected.length);
    expect(stdout).toContain(`${expected.length} errors`);
  });

  it('server refuses the same file with the same words, and touches nothing', async () => {
    writeFileSync(file, text);
    const { stdout: checked } = await mcProxy('config', 'check', '--config', file);
    const { code, stdout, stderr } = await mcProxy('server', '--config', file);
    expect({ code, stdout }).toEqual({ code: 78, stdout: '' });
    expect(stderr).toContain(checked.trimEnd());
  });

  it('check --json has the same problems for programs', async () => {
    writeFileSync(file, text);
    const { code, stdout } = await mcProxy('config', 'check', '--json', '--config', file);
    const { ok, problems } = JSON.parse(stdout) as { ok: boolean; problems: { severity: string }[] };
    expect({ code, ok }).toEqual({ code: 78, ok: false });
    expect(problems.filter(({ severity }) => severity === 'error')).toHaveLength(expected.length);
  });

  it.each([
    { what: 'a file that is not there', content: null, says: /cannot be read|no such file/i },
    { what: 'a file that is no TOML', content: 'listeners = [\n', says: /mc-proxy\.toml:\d+:\d+: error: / },
  ])('$what: 78, in a sentence', async ({ content, says }) => {
    if (content === null) rmSync(file, { force: true });
    else writeFileSync(file, content);
    const { code, stdout, stderr } = await mcProxy('config', 'check', '--config', file);
    expect(code).toBe(78);
    expect(stdout + stderr).toMatch(says);
    expect(await mcProxy('server', '--config', file)).toMatchObject({
      code: 78,
      stderr: expect.stringMatching(says) as string,
    });
  });

  it('check says that a right file is right, with its warnings, and the server starts with it', async () => {
    const pki = await createPki(dir);
    const { cert, key } = await pki.files('app.example.test');
    const right = (where: string): string => `[[listeners]]
addr = "127.0.0.1:0"
[[listeners.routes]]
hostname = "other.example.test"
backend = "127.0.0.1:1"
mode = "l7"
tls_cert = "${cert}"
tls_key = "${key}"
[access_log]
enabled = ${String(where === dir)}
`;
    writeFileSync(file, baseConfig(dir) + right(dir));
    const { code, stdout } = await mcProxy('config', 'check', '--config', file);
    expect(code).toBe(0);
    expect(stdout).toMatch(/:12: warning: the certificate covers app\.example\.test, not other\.example\.test/);
    expect(stdout).toContain(`${file} is right\n`);
    await using proxy = await startMcProxy(right, { dir });
    expect(proxy.lines.find(({ msg }) => msg.includes('clients will reject it'))).toMatchObject({
      level: 'warn',
      place: expect.stringMatching(/mc-proxy\.toml:\d+:12$/) as string,
    });
    expect(readFileSync(file, 'utf8')).toBe(baseConfig(dir) + right(dir));
  });

  it('schema prints a JSON Schema that has every section and refuses unknown keys', async () => {
    const { code, stdout } = await mcProxy('config', 'schema');
    expect(code).toBe(0);
    const schema = JSON.parse(stdout) as { properties: Record<string, unknown> };
    expect(schema).toMatchObject({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object',
      additionalProperties: false,
      properties: { listeners: { type: 'array', items: { properties: { routes: { type: 'array' } } } } },
    });
    const sections = 'access_log admin database firewall grpc listeners log metrics proxy tls';
    expect(Object.keys(schema.properties).sort().join(' ')).toBe(sections);
  });
});
