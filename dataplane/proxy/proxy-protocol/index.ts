export { encodeProxyV2, encodeProxyV2Local } from './encode.ts';
export type { ProxyV2Options } from './encode.ts';
export { readProxyHeader } from './header.ts';
export type { ProxyHeader, ProxyHeaderFault, ProxyHeaderResult } from './header.ts';
