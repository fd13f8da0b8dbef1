export { listSnapshots, takeSnapshot } from './snapshot.ts';
export type { Snapshot, SnapshotOptions } from './snapshot.ts';
