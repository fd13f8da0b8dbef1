export { parseListenFds, takeListenFds } from './listen-fds.ts';
export { createNotifier } from './notify.ts';
export type { Notifier } from './notify.ts';
