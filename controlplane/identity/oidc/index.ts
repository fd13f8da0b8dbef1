export { pruneOidcItems } from './items.ts';
export { oidcApi } from './routes.ts';
export type { OidcDeps } from './deps.ts';
