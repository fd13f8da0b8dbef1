export { connectUnix } from './client.ts';
export type { ConnectOptions, UnixConnection } from './client.ts';
export { createGrpcServer, defaultGrpcLimits } from './server.ts';
export type { GrpcLimits, GrpcServer, GrpcServerOptions } from './server.ts';
export { defineService } from './service.ts';
export type { ServedService } from './service.ts';
export type {
  AuthorizationMap,
  AuthorizationRule,
  CallContext,
  CallOptions,
  Handlers,
  ServiceClient,
  ServiceDefinition,
} from './types.ts';
export { checkSocketPath, explainSocket, probeSocket, socketErrors, socketPathMaxBytes } from './unix-socket.ts';
export type { SocketState } from './unix-socket.ts';
export { watchChanges } from './watch.ts';
export type { Subscribe } from './watch.ts';
