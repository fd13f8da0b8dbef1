export { apply } from './apply.ts';
export type { ApplyInput, ApplyResult } from './apply.ts';
export type { Difference } from './differences.ts';
export { exportToml } from './export.ts';
