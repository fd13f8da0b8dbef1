import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export function installed(program: string): boolean {
  return spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0;
}

// One JSON line a datagram. Descriptors that come along (systemd-notify's barrier) are closed at once, as systemd does.
const receiver = `
import array, json, os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("up", flush=True)
while True:
    data, ancillary, _, _ = s.recvmsg(65536, socket.CMSG_SPACE(64))
    for level, kind, body in ancillary:
        if kind == socket.SCM_RIGHTS:
            fds = array.array("i")
            fds.frombytes(body[: len(body) - len(body) % fds.itemsize])
            for fd in fds: os.close(fd)
    print(json.dumps(data.decode()), flush=True)
`;

export type ManagerDouble = AsyncDisposable & { readonly path: string; next(): Promise<string[]> };

/** A stand-in for systemd's notification socket; messages come as their lines. The barrier's own is left out. */
export async function startManager(): Promise<ManagerDouble> {
  const folder = await mkdtemp(join(tmpdir(), 'mc-notify-'));
  const path = join(folder, 'notify');
  const child = spawn('python3', ['-c', receiver, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  await lines.next();
  return {
    path,
    async next() {
      for (;;) {
        const line = await lines.next();
        if (line.done === true) throw new Error('the receiver ended');
        const message = JSON.parse(line.value) as string;
        if (!message.startsWith('BARRIER=1')) return message.split('\n').filter((part) => part !== '');
      }
    },
    async [Symbol.asyncDispose]() {
      const gone = once(child, 'exit');
      child.kill();
      await gone;
      await rm(folder, { recursive: true });
    },
  };
}
