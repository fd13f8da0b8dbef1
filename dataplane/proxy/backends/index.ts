export { parseBackendAddress } from './address.ts';
export type { BackendAddress } from './address.ts';
export { createBackendPool, NONE_TRIED } from './backend-pool.ts';
export type { Backend, BackendPool, BackendPoolOptions } from './backend-pool.ts';
export { isExhaustion } from './exhaustion.ts';
export { BackendAddressError, createResolver } from './resolver.ts';
export type { ResolvedAddress, Resolver, ResolverOptions } from './resolver.ts';
