export { migrations } from './migrations.ts';
export { openStore } from './store.ts';
export type {
  ApiChange,
  PolicyKind,
  Store,
  StoreChange,
  StoredPolicy,
  StoredRevert,
  StoredRoute,
  StoredState,
  StoreOptions,
} from './store.ts';
