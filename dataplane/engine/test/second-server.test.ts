import { join } from 'node:path';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { buildClientHello } from '../../proxy/client-hello/test/build-client-hello.ts';
import { ROOT, run, startMcProxy } from './running-proxy.ts';
import { dial, received, startTcpBackend } from './tcp-peers.ts';

describe('a second mc-proxy on the same configuration', () => {
  it('PX-25 is refused before it binds anything, and takes none of the first one’s traffic', async () => {
    await using backend = await startTcpBackend();
    await using proxy = await startMcProxy(
      () => `
[[listeners]]
addr = "127.0.0.1:0"
[[listeners.routes]]
hostname = "app.example.test"
backend = "${backend.address}"
mode = "l4"
`,
    );
    const second = await run(join(ROOT, 'bin/mc-proxy'), ['server', '--config', join(proxy.dir, 'mc-proxy.toml')]);
    expect(second.code).toBe(1);
    expect(second.stdout).toContain('another process listens on');
    expect(second.stdout).not.toContain('"listening"');
    const hello = buildClientHello('app.example.test');
    const client = await dial(proxy.port('127.0.0.1:0'));
    client.write(hello);
    await received(await backend.connection(0), hello.length);
    client.destroy();
  });

  it('PX-25 is refused also where somebody deleted the admin socket of the first, and starts once that has ended', async () => {
    await using backend = await startTcpBackend();
    await using proxy = await startMcProxy(
      () => `
[[listeners]]
addr = "127.0.0.1:0"
[[listeners.routes]]
hostname = "app.example.test"
backend = "${backend.address}"
mode = "l4"
`,
    );
    rmSync(proxy.socket);
    const config = join(proxy.dir, 'mc-proxy.toml');
    for (const more of [[], ['--take-over']]) {
      const second = await run(join(ROOT, 'bin/mc-proxy'), ['server', '--config', config, ...more]);
      expect(second.code).toBe(1);
      expect(second.stdout).toContain('another mc-proxy serves');
      expect(second.stdout).not.toContain('"listening"');
    }
    proxy.signal('SIGKILL');
    await proxy.ended;
    await using next = await startMcProxy(() => readFileSync(config, 'utf8'), { dir: proxy.dir, whole: true });
    await using successor = await startMcProxy(() => readFileSync(config, 'utf8'), {
      dir: proxy.dir,
      whole: true,
      args: ['--take-over'],
    });
    expect(await next.ended).toBe(0);
    rmSync(successor.socket);
    const third = await run(join(ROOT, 'bin/mc-proxy'), ['server', '--config', config]);
    expect(third.stdout).toContain('another mc-proxy serves');
  });

  it('PX-24 snapshot copies the database also while a certificate of the file is bad', async () => {
    await using backend = await startTcpBackend();
    await using proxy = await startMcProxy(
      () => `
[[listeners]]
addr = "127.0.0.1:0"
[[listeners.routes]]
hostname = "app.example.test"
backend = "${backend.address}"
mode = "l4"
`,
    );
    const broken = `
[[listeners]]
addr = "127.0.0.1:0"
[[listeners.routes]]
hostname = "app.example.test"
backend = "${backend.address}"
mode = "l7"
tls_cert = "${proxy.dir}/missing.pem"
tls_key = "${proxy.dir}/missing.key"
`;
    proxy.configure(broken);
    const config = join(proxy.dir, 'mc-proxy.toml');
    expect((await run(join(ROOT, 'bin/mc-proxy'), ['config', 'check', '--config', config])).code).toBe(78);
    expect((await run(join(ROOT, 'bin/mc-proxy'), ['snapshot', '--config', config])).code).toBe(0);
    writeFileSync(config, 'no TOML at all [');
    expect((await run(join(ROOT, 'bin/mc-proxy'), ['snapshot', '--config', config])).code).toBe(78);
  });
});
