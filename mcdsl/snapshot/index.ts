export { listSnapshots, takeSnapshot } from './snapshot.ts';
