import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, describe, expect, it } from 'vitest';
import { requireClient } from '../../../deploy/checks/clients.ts';
import { makeTempDir, run, startMcProxy } from './running-proxy.ts';
import { createPki } from './tls-peers.ts';

const PYTHON = '/usr/bin/python3';
const PACKAGES = '/usr/lib/python3/dist-packages';
const ADDR = '127.0.0.1:0';
const HOST = 'app.example.test';

describe('clients and servers that share no code with Node', () => {
  requireClient(PYTHON, `${PACKAGES}/grpc`, `${PACKAGES}/websockets`);
  const dir = makeTempDir();
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  it('PX-3 gRPC of the C core: unary, all streamings, metadata, trailers-only replies, deadlines', async () => {
    expect(await talk('grpc-peer.py')).toEqual({
      unary: 1_000_000,
      initial: '1',
      trailing: '2',
      binary: '00ff',
      refused: ['PERMISSION_DENIED', 'not for you: é'],
      unknown: 'UNIMPLEMENTED',
      client_stream: '2000000',
      server_stream: 2_000_000,
      chat: ['re: a', 're: b'],
      deadline: 'DEADLINE_EXCEEDED',
    });
  });

  it('PX-3 WebSocket of python3-websockets: text, binary, fragments, ping, extension, subprotocol and close code', async () => {
    expect(await talk('websocket-peer.py')).toEqual({
      text: 'héllo',
      binary: true,
      fragments: 'in fragments',
      subprotocol: 'chat',
      extensions: ['permessage-deflate'],
      close: [4000, 'as asked'],
    });
  });

  /** Runs the program as server behind the proxy and as client before it; resolves with what the client saw. */
  async function talk(name: string): Promise<unknown> {
    const program = join(import.meta.dirname, 'programs', name);
    const pki = await createPki(dir);
    const { cert, key } = await pki.files(HOST);
    const server = spawn(PYTHON, [program, 'serve'], { stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = once(server, 'exit');
    try {
      const [port] = (await once(createInterface(server.stdout), 'line')) as [string];
      await using proxy = await startMcProxy(
        () => `
[[listeners]]
addr = "${ADDR}"
[[listeners.routes]]
hostname = "${HOST}"
backend = "127.0.0.1:${port}"
mode = "l7"
tls_cert = "${cert}"
tls_key = "${key}"
`,
      );
      const client = await run(PYTHON, [program, 'ask', String(proxy.port(ADDR)), pki.caFile, HOST]);
      expect(client.stderr).toBe('');
      expect(proxy.lines.filter(({ level }) => level === 'error')).toEqual([]);
      return JSON.parse(client.stdout);
    } finally {
      server.kill('SIGKILL');
      await ended;
    }
  }
});
