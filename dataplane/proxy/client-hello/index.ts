export { readClientHello } from './client-hello.ts';
export type { ClientHello, ClientHelloResult, HelloFault, HelloRefusal } from './client-hello.ts';
