export { createAssets } from './assets.ts';
export type { Assets } from './assets.ts';
export { errorTitle } from './error-title.ts';
export { createTemplates } from './templates.ts';
export type { Templates } from './templates.ts';

/** The stylesheet that the shared layout links, for `createAssets`. */
export const baseStylesheet = new URL('./base.css', import.meta.url);
