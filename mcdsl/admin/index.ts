export { createAdminSocket } from './admin-socket.ts';
export type { AdminSocket, AdminSocketOptions } from './admin-socket.ts';
export type { StatsSource } from './stats.ts';
export { examineSocket } from './bind.ts';
