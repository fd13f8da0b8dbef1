export { systemdErrors } from './errors.ts';
export { parseListenFds, takeListenFds } from './listen-fds.ts';
export type { PassedSockets } from './listen-fds.ts';
export { createNotifier } from './notify.ts';
export type { Notifier, NotifierOptions, NotifyMessage } from './notify.ts';
