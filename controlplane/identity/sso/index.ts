export { builtInClient, findSsoClient } from './clients.ts';
export { exchangeCode, pruneCodes } from './codes.ts';
export type { CodeExchange, CodeExchangeDeps, ExchangedCode } from './codes.ts';
export { ssoApi } from './routes.ts';
export type { SsoDeps } from './routes.ts';
