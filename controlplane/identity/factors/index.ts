export { attemptMfa, completeMfa, maxMfaAttempts, ticketInvalid } from './mfa-tickets.ts';
export type { PendingLogin } from './mfa-tickets.ts';
export { createRecoveryCodes, recoveryCodeCount } from './recovery-codes.ts';
export type { RecoveryAnswer, RecoveryCodes } from './recovery-codes.ts';
export { createTickets } from './tickets.ts';
export type { NewTicket, Ticket, TicketKind, Tickets, TicketStats } from './tickets.ts';
export { createTotpFactors } from './totp-factors.ts';
export type { TotpEnrollment, TotpFactors, TotpOptions } from './totp-factors.ts';
export type { TotpAnswer } from './totp.ts';
