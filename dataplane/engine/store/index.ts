export { migrations } from './migrations.ts';
export { openStore } from './store.ts';
export type { PolicyKind, Store, StoreChange, StoredPolicy, StoredRoute, StoredState, StoreOptions } from './store.ts';
