/** Where a sealed value stands; it opens nowhere else. */
export type Place = { readonly table: string; readonly column: string; readonly row: string };

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** The place of each sealed value. The SQL of `sealedColumns` says the same for whole tables; a test compares both. */
export const places = {
  password: (accountId: string): Place => ({ table: 'passwords', column: 's_phc', row: accountId }),
  totp: (accountId: string): Place => ({ table: 'totp', column: 's_secret', row: accountId }),
  passkey: (id: string): Place => ({ table: 'passkeys', column: 's_credential', row: id }),
  ticket: (hTicket: Uint8Array): Place => ({ table: 'tickets', column: 's_data', row: hex(hTicket) }),
  oidcItem: (model: string, hId: Uint8Array): Place => ({
    table: 'oidc_items',
    column: 's_payload',
    row: `${model}:${hex(hId)}`,
  }),
  signingKey: (kid: string): Place => ({ table: 'signing_keys', column: 's_private', row: kid }),
  macKey: (): Place => ({ table: 'sealed_meta', column: 's_value', row: 'mac_key' }),
};

/** Every sealed column, its row id as an SQL expression, and what becomes of the rows when the master key is lost. */
export const sealedColumns = [
  { table: 'passwords', column: 's_phc', row: 'account_id', onLoss: 'DELETE FROM passwords' },
  { table: 'totp', column: 's_secret', row: 'account_id', onLoss: 'DELETE FROM totp' },
  { table: 'passkeys', column: 's_credential', row: 'id', onLoss: 'DELETE FROM passkeys' },
  { table: 'tickets', column: 's_data', row: 'lower(hex(h_ticket))', onLoss: 'DELETE FROM tickets' },
  {
    table: 'oidc_items',
    column: 's_payload',
    row: "model || ':' || lower(hex(h_id))",
    onLoss: 'DELETE FROM oidc_items',
  },
  // The public halves go on verifying: a lost key is no stolen key.
  {
    table: 'signing_keys',
    column: 's_private',
    row: 'kid',
    onLoss: `UPDATE signing_keys SET s_private = NULL, state = 'retained',
      not_after = coalesce((SELECT max(expires_at) FROM tokens WHERE tokens.kid = signing_keys.kid), activates_at)
      WHERE s_private IS NOT NULL`,
  },
  { table: 'sealed_meta', column: 's_value', row: 'key', onLoss: 'DELETE FROM sealed_meta' },
] as const;
