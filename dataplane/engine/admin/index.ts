export type { AdminDeps, BoundListener, GeoipView, ServerView } from './deps.ts';
export { createProxyAdmin } from './service.ts';
