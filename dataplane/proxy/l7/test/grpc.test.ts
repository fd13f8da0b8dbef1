import {
  Client,
  credentials,
  Metadata,
  Server,
  ServerCredentials,
  status,
  type handleBidiStreamingCall,
  type handleClientStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  type ServiceError,
} from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRig, type Rig } from './harness.ts';

/** PX-3 with a real gRPC client and server, over each kind of HTTP/2 backend. */
const same = (bytes: Buffer): Buffer => bytes;
const method = (name: string, requestStream: boolean, responseStream: boolean) => ({
  path: `/echo.Echo/${name}`,
  requestStream,
  responseStream,
  requestSerialize: same,
  requestDeserialize: same,
  responseSerialize: same,
  responseDeserialize: same,
});
const unary: handleUnaryCall<Buffer, Buffer> = (call, done) => {
  const trailer = new Metadata();
  trailer.set('x-trailer', 'yes');
  trailer.set('x-seen', String(call.metadata.get('x-forwarded-for')[0]));
  if (call.request.toString() === 'fail') {
    done({ code: status.FAILED_PRECONDITION, details: 'told to fail', metadata: trailer });
  } else done(null, call.request, trailer);
};
const serverStream: handleServerStreamingCall<Buffer, Buffer> = (call) => {
  for (let i = 0; i < 5; i++) call.write(Buffer.concat([call.request, Buffer.from(String(i))]));
  call.end();
};
const clientStream: handleClientStreamingCall<Buffer, Buffer> = (call, done) => {
  const parts: Buffer[] = [];
  call.on('data', (part: Buffer) => parts.push(part));
  call.on('end', () => done(null, Buffer.concat(parts)));
};
const bidi: handleBidiStreamingCall<Buffer, Buffer> = (call) => {
  call.on('data', (part: Buffer) => call.write(Buffer.from(part.toString().toUpperCase())));
  call.on('end', () => call.end());
};

describe.each(['h2c behind auto', 'h2c', 'h2 over TLS behind auto', 'h2 over TLS'])(
  'PX-3 gRPC to a backend with %s',
  (kind) => {
    const overTls = kind.includes('TLS');
    let rig: Rig;
    let server: Server;
    let client: Client;

    beforeAll(async () => {
      rig = await createRig();
      server = new Server();
      server.addService(
        {
          unary: method('Unary', false, false),
          serverStream: method('ServerStream', false, true),
          clientStream: method('ClientStream', true, false),
          bidi: method('Bidi', true, true),
        },
        { unary, serverStream, clientStream, bidi },
      );
      const { certPem, keyPem } = await rig.ca.issue({ names: ['grpc.test'] });
      const serverCredentials = overTls
        ? ServerCredentials.createSsl(null, [{ cert_chain: Buffer.from(certPem), private_key: Buffer.from(keyPem) }])
        : ServerCredentials.createInsecure();
      const port = await new Promise<number>((resolve, reject) => {
        server.bindAsync('127.0.0.1:0', serverCredentials, (error, bound) => (error ? reject(error) : resolve(bound)));
      });
      await rig.addRoute('grpc.test', `127.0.0.1:${port}`, {
        backendTls: overTls,
        backendProtocol: kind.includes('auto') ? 'auto' : overTls ? 'h2' : 'h2c',
      });
      rig.sni = 'grpc.test';
      client = new Client(`127.0.0.1:${rig.port}`, credentials.createSsl(Buffer.from(rig.ca.caPem)), {
        'grpc.ssl_target_name_override': 'grpc.test',
        'grpc.default_authority': 'grpc.test',
      });
    });

    afterAll(async () => {
      client.close();
      server.forceShutdown();
      await rig[Symbol.asyncDispose]();
    });

    it('unary with trailers', async () => {
      const trailers = Promise.withResolvers<Metadata>();
      const answer = await new Promise<Buffer | undefined>((resolve, reject) => {
        const call = client.makeUnaryRequest('/echo.Echo/Unary', same, same, Buffer.from('hello'), (error, value) =>
          error ? reject(error) : resolve(value),
        );
        call.on('status', (end) => trailers.resolve(end.metadata));
      });
      expect(answer?.toString()).toBe('hello');
      expect((await trailers.promise).get('x-trailer')).toEqual(['yes']);
      expect((await trailers.promise).get('x-seen')).toEqual(['127.0.0.1']);
    });

    it('an error in a trailers-only reply keeps its code and message', async () => {
      const error = await new Promise<ServiceError | null>((resolve) => {
        client.makeUnaryRequest('/echo.Echo/Unary', same, same, Buffer.from('fail'), (error) => resolve(error));
      });
      expect(error).toMatchObject({ code: status.FAILED_PRECONDITION, details: 'told to fail' });
      const unknown = await new Promise<ServiceError | null>((resolve) => {
        client.makeUnaryRequest('/echo.Echo/Nothing', same, same, Buffer.from('x'), (error) => resolve(error));
      });
      expect(unknown?.code).toBe(status.UNIMPLEMENTED);
    });

    it('server streaming', async () => {
      const parts: string[] = [];
      for await (const part of client.makeServerStreamRequest(
        '/echo.Echo/ServerStream',
        same,
        same,
        Buffer.from('n'),
      )) {
        parts.push((part as Buffer).toString());
      }
      expect(parts).toEqual(['n0', 'n1', 'n2', 'n3', 'n4']);
    });

    it('client streaming', async () => {
      const answer = await new Promise<Buffer | undefined>((resolve, reject) => {
        const call = client.makeClientStreamRequest('/echo.Echo/ClientStream', same, same, (error, value) =>
          error ? reject(error) : resolve(value),
        );
        for (let i = 0; i < 5; i++) call.write(Buffer.from(String(i)));
        call.end();
      });
      expect(answer?.toString()).toBe('01234');
    });

    it('both ways, one message at a time', async () => {
      const call = client.makeBidiStreamRequest('/echo.Echo/Bidi', same, same);
      const parts: string[] = [];
      call.write(Buffer.from('a'));
      for await (const part of call) {
        parts.push((part as Buffer).toString());
        if (parts.length < 5) call.write(Buffer.from('abcde'[parts.length]!));
        else call.end();
      }
      expect(parts.join('')).toBe('ABCDE');
    });

    it('a cancelled call is cancelled at the backend', async () => {
      const call = client.makeBidiStreamRequest('/echo.Echo/Bidi', same, same);
      call.on('error', () => undefined);
      const first = new Promise((resolve) => call.once('data', resolve));
      call.write(Buffer.from('a'));
      await first;
      const before = rig.records.length;
      call.cancel();
      await rig.recorded(before + 1);
      expect(rig.failures).toEqual([]);
    });
  },
);
