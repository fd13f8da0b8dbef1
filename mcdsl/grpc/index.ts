export { connectUnix } from './client.ts';
export type { UnixConnection } from './client.ts';
export { createGrpcServer } from './server.ts';
export type { GrpcLimits, GrpcServer } from './server.ts';
export { defineService } from './service.ts';
export type { ServedService } from './service.ts';
export type { AuthorizationMap, Handlers, ServiceClient } from './types.ts';
export { checkSocketPath, probeSocket, socketErrors } from './unix-socket.ts';
export { watchChanges } from './watch.ts';
