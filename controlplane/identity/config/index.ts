export { certificateWarnings } from './certificate.ts';
export { hostOf } from './check.ts';
export { oidcScopes } from './clients.ts';
export { identityConfig } from './schema.ts';
export type { IdentityConfig } from './schema.ts';
export { toSettings } from './settings.ts';
export type { OidcClient, Settings, SsoClient } from './settings.ts';
