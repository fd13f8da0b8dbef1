import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** A socket unit of systemd as a service sees it: a listening socket that outlives every process that serves it. */
export interface SocketUnit extends AsyncDisposable {
  readonly port: number;
  /** The command that runs its arguments with the socket as descriptor 3, named `https`. The process id stays. */
  readonly within: readonly string[];
}

// Hands the socket to whoever connects (SCM_RIGHTS).
const HOLDER = `
import socket, sys
held = socket.create_server(("127.0.0.1", 0), backlog=4096)
door = socket.socket(socket.AF_UNIX)
door.bind(sys.argv[1])
door.listen()
print(held.getsockname()[1], flush=True)
while True:
    peer, _ = door.accept()
    socket.send_fds(peer, [b"x"], [held.fileno()])
    peer.close()
`;

// As systemd's executor: descriptors from 3 on, and the variables of sd_listen_fds(3).
const EXECUTOR = `
import os, socket, sys
door = socket.socket(socket.AF_UNIX)
door.connect(sys.argv[1])
_, fds, _, _ = socket.recv_fds(door, 1, 1)
door.close()
if fds[0] == 3: os.set_inheritable(3, True)
else: os.dup2(fds[0], 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="https")
os.execvp(sys.argv[2], sys.argv[2:])
`;

export async function startSocketUnit(): Promise<SocketUnit> {
  const dir = mkdtempSync(join(tmpdir(), 'mc-socket-unit-'));
  const door = join(dir, 'door');
  const holder = spawn('python3', ['-c', HOLDER, door], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(holder, 'exit');
  const [port] = (await once(createInterface(holder.stdout), 'line')) as [string];
  return {
    port: Number(port),
    within: ['python3', '-c', EXECUTOR, door],
    async [Symbol.asyncDispose]() {
      holder.kill();
      await ended;
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
