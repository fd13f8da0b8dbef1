export { metaSince, readMeta, writeMeta } from './meta.ts';
export type { MetaKey } from './meta.ts';
export { migrations } from './migrations.ts';
export { maxPageLimit, toPage } from './page.ts';
export type { Page, PageRequest } from './page.ts';
export { openStore } from './store.ts';
export type { Store, StoreOptions } from './store.ts';
