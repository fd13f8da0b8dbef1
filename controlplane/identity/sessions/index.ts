export { endEverythingOf, endHumanSessions, endSession, endSessionsOf, pruneSessions } from './end.ts';
export type { Ended } from './end.ts';
export {
  countSessions,
  findSession,
  listSessions,
  maxSessions,
  openSession,
  readSession,
  requireSession,
  rolesChanged,
  rotateSession,
  stepUp,
  touchSession,
} from './live.ts';
export type { OpenedSession, SessionDraft, SessionInfo } from './live.ts';
export type { Amr, EndReason, Session, SessionTimes } from './session.ts';
