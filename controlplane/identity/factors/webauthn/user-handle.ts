/** The user handle that authenticators keep: the 16 bytes of the account's UUID, which say nothing about the person. */
export function userHandleOf(accountId: string): string {
  return Buffer.from(accountId.replaceAll('-', ''), 'hex').toString('base64url');
}
