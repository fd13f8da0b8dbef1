export { ssoSection } from './config.ts';
export { safeReturnPath } from './return-path.ts';
export { createSso } from './sso.ts';
export type { Sso, SsoOptions } from './sso.ts';
