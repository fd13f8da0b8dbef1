export { createPages } from './pages.ts';
export type { Pages } from './pages.ts';
export type { PagesDeps } from './deps.ts';
export type { View } from './view.ts';
