import { connect } from 'node:net';
import { messageOf } from '../../../mcdsl/errors/index.ts';
import { connectUnix } from '../../../mcdsl/grpc/index.ts';
import { ProxyAdminService, Route, RouteMode } from '../../../proto/gen/mcproxy/v1/mcproxy.ts';
import { HELLO_ANSWER } from '../backends.ts';
import { makeHello } from '../hello.ts';

/**
 * `add-routes.ts SOCKET PORT BACKEND_PORT SECONDS`: adds a route, connects by its name until the backend's answer comes back,
 * removes the route; over and over until the time is over. Prints {"ms", "errors"}: how long each took from the call to the answer.
 */
const [socket = '', port = '', backendPort = '', seconds = ''] = process.argv.slice(2);
const listener = `127.0.0.1:${port}`;
const deadline = performance.now() + Number(seconds) * 1000;
/** No change may take longer. */
const LIMIT_MS = 10_000;
const ms: number[] = [];
const errors: string[] = [];

using connection = await connectUnix(socket);
const admin = connection.client(ProxyAdminService);
try {
  for (let number = 0; number === 0 || performance.now() < deadline; number++) {
    const hostname = `added-${number}.bench.test`;
    const hello = await makeHello(hostname);
    const route = Route.create({ hostname, backends: [`127.0.0.1:${backendPort}`], mode: RouteMode.L4 });
    const startMs = performance.now();
    await admin.addRoute({ listener, route });
    await untilServed(hello, startMs + LIMIT_MS);
    ms.push(performance.now() - startMs);
    await admin.removeRoute({ listener, hostname, kill: false });
  }
} catch (error) {
  errors.push(messageOf(error));
}
process.stdout.write(`${JSON.stringify({ ms, errors })}\n`);

/** A connection that is refused, as the route isn't there yet, is followed by the next at once. */
async function untilServed(hello: Buffer, limitMs: number): Promise<void> {
  let answer = '';
  while (answer !== HELLO_ANSWER) {
    if (performance.now() > limitMs) throw new Error(`not served after ${LIMIT_MS / 1000} s, but answered ${answer}`);
    answer = await exchange(hello);
  }
}

function exchange(hello: Buffer): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port: Number(port) });
    let answer = '';
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')));
    socket.on('error', ({ message }) => (answer = message));
    socket.on('close', () => resolve(answer));
    socket.write(hello);
  });
}
