export type { Account } from './account.ts';
export {
  createAccount,
  deleteAccount,
  disableAccount,
  enableAccount,
  noteLogin,
  setMustChange,
  setRoles,
  updateAccount,
  voidTokens,
} from './change.ts';
export type { AccountDraft, AccountPatch } from './change.ts';
export { countAdmins, findAccountById, findAccountByName, listAccounts, namesOf, requireAccount } from './find.ts';
export { nameRule, parseAccountName } from './names.ts';
export { checkText } from './profile.ts';
export { issueResetTicket, takeResetTicket } from './reset.ts';
