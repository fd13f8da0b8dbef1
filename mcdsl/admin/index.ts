export { createAdminSocket } from './admin-socket.ts';
export type { AdminSocket, AdminSocketOptions } from './admin-socket.ts';
export { examineSocket } from './bind.ts';
