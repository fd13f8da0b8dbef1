export {
  countTickets,
  countTry,
  dropTickets,
  issueTicket,
  maxTickets,
  pruneTickets,
  readTicket,
  takeTicket,
  ticketKinds,
} from './tickets.ts';
export type { IssuedTicket, Ticket, TicketDraft, TicketKind } from './tickets.ts';
