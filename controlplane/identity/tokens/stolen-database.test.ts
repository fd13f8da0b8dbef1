import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

import { issueResetTicket } from '../accounts/index.ts';
import { tokenSeries } from '../keys/index.ts';
import { stepUp } from '../sessions/index.ts';
import { startOfTests as now } from '../test-support/clock.ts';
import { addPerson, addService, createTokens, logIn } from '../test-support/people.ts';
import { openTempKeys } from '../test-support/temp-keys.ts';
import { issueTicket } from '../tickets/index.ts';

it('IA-69 a stolen database, its log included, holds no token, session, ticket or key that works', async () => {
  using temp = await openTempKeys();
  const { store, sealer, keyring, folder } = temp;
  const { issuer } = createTokens(temp);
  const ann = addPerson(store, 'ann', ['user'], now);
  const mcq = addService(store, 'mcq', now);
  const { session, secret } = logIn(store, ann, now);
  const planted = store.change((w) => {
    const human = issuer.forSession(w, ann, session, ['mcr'], now).token;
    const system = issuer.forSystem(w, mcq, { audience: ['platform'], ttlMs: null, label: '' }, now).token;
    const reset = issueResetTicket(w, sealer, ann, 1000, now).ticket;
    const data = { planted: 'what a ticket carries' };
    const mfa = issueTicket(
      w,
      sealer,
      { kind: 'mfa', accountId: ann.id, sessionId: null, data, lifetimeMs: 1000 },
      now,
    );
    const stepped = stepUp(w, session.id, ['pwd', 'otp', 'mfa'], now).secret;
    const parts = [human, system].flatMap((token) => [token, ...token.split('.').slice(1)]);
    const jtis = [human, system].map((token) => {
      const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { jti: string };
      return claims.jti;
    });
    return [...parts, ...jtis, reset, mfa.ticket, data.planted, stepped, secret];
  });
  const { kid } = keyring.signer(store.reader, tokenSeries);
  const [jwk] = keyring.signingJwks('mcias').keys;
  const privateHalf = Buffer.from(jwk?.['d'] ?? '', 'base64url');
  const master = readFileSync(temp.source.file, 'utf8').trim().split(' ')[2] ?? '';
  expect(privateHalf).toHaveLength(32);

  const files = readdirSync(folder).filter((name) => name.startsWith('mcias.db'));
  expect(files).toContain('mcias.db-wal');
  const stolen = Buffer.concat(files.map((name) => readFileSync(join(folder, name))));
  expect(stolen.includes(kid)).toBe(true);
  for (const value of [...planted, jwk?.['d'] ?? '', master]) {
    for (const form of [Buffer.from(value), Buffer.from(value, 'base64url')]) {
      if (form.length >= 16) expect([value, stolen.includes(form)]).toEqual([value, false]);
    }
  }
  expect(stolen.includes(privateHalf)).toBe(false);
});
