export { createSessionCookie } from './sessions.ts';
export type { SessionCookie } from './sessions.ts';
