import { connectUnix, probeSocket } from '../../mcdsl/grpc/index.ts';
import { DrainService } from '../../proto/gen/mcdsl/v1/admin.ts';

/** The mc-proxy that serves this configuration now and is to be replaced. */
export interface Predecessor extends Disposable {
  /**
   * It closes its listening sockets, refuses changes, and ends when its connections have; this resolves when it has begun. From
   * then on only the successor accepts.
   */
  drain(): Promise<void>;
}

/** Null when nobody listens on the admin socket. The connection is made now: later the path is the successor's. */
export async function findPredecessor(adminSocket: string): Promise<Predecessor | null> {
  if ((await probeSocket(adminSocket)).kind !== 'live') return null;
  const connection = await connectUnix(adminSocket);
  const drain = connection.client(DrainService);
  return {
    async drain() {
      await drain.beginDrain({});
    },
    [Symbol.dispose]: () => connection[Symbol.dispose](),
  };
}
