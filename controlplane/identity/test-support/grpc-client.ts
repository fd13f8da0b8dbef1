import { Client, credentials, Metadata, status, type ServiceError } from '@grpc/grpc-js';

import type { RunningMcias } from './running-mcias.ts';

/** One RPC as ts-proto generates it. */
type Method<Request, Answer> = {
  readonly path: string;
  readonly requestSerialize: (value: Request) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => Answer;
};

export type GrpcClient = Disposable & {
  call<Request, Answer>(method: Method<Request, Answer>, request: NoInfer<Request>, token?: string): Promise<Answer>;
  /** Ends with the loop over it. */
  stream<Request, Answer>(
    method: Method<Request, Answer>,
    request: NoInfer<Request>,
    token: string,
  ): AsyncGenerator<Answer>;
};

/** grpc-js over TLS, with the messages of the contracts. */
export function createGrpcClient({ grpcPort }: Pick<RunningMcias, 'grpcPort'>, caPem: string): GrpcClient {
  const client = new Client(`localhost:${grpcPort}`, credentials.createSsl(Buffer.from(caPem)));
  const metadataOf = (token: string | undefined): Metadata => {
    const metadata = new Metadata();
    if (token !== undefined) metadata.set('authorization', `Bearer ${token}`);
    return metadata;
  };
  return {
    call: (method, request, token) =>
      new Promise((resolve, reject) => {
        client.makeUnaryRequest(
          method.path,
          method.requestSerialize,
          method.responseDeserialize,
          request,
          metadataOf(token),
          { deadline: Date.now() + 20_000 },
          (error, answer) => (error === null && answer !== undefined ? resolve(answer) : reject(error)),
        );
      }),
    async *stream(method, request, token) {
      const running = client.makeServerStreamRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request,
        metadataOf(token),
      );
      running.on('error', () => undefined);
      try {
        yield* running;
      } finally {
        running.cancel();
      }
    },
    [Symbol.dispose]: () => client.close(),
  };
}

/** `PERMISSION_DENIED permission_denied`: the status and our own code, of a call that must fail. */
export async function failed(call: Promise<unknown>): Promise<string> {
  try {
    await call;
  } catch (error) {
    const { code, metadata } = error as ServiceError;
    return `${status[code]} ${String(metadata?.get('mc-error-code')[0])}`;
  }
  return 'OK';
}
