import { z } from 'zod';

import type { Writer } from '../../../../mcdsl/database/index.ts';
import { requireAccount, setMustChange, takeResetTicket, updateAccount, type Account } from '../../accounts/index.ts';
import { appendAudit, type AuditDetails, type AuditEvent, type AuditSource } from '../../audit/index.ts';
import { refusal } from '../../errors.ts';
import {
  listPasskeys,
  readWays,
  removePasskey,
  renamePasskey,
  requireWayIn,
  type Passkey,
  type TotpAnswer,
} from '../../factors/index.ts';
import { checkNewPassword } from '../../passwords/index.ts';
import { endEverythingOf, endSessionsOf } from '../../sessions/index.ts';
import type { Call, Person } from '../call.ts';
import type { ApiDeps } from '../deps.ts';
import { operation } from '../operation.ts';
import { accountField, codeField, idField, passkeyResponse, passwordField, text, ticketField } from './fields.ts';
import { sourceOf } from './grants.ts';
import { publicKeyJson } from './public-key.ts';
import { qrSvg } from './qr.ts';

/** The caller's own profile, password and factors, and for admins the factors of others. */
export function credentialOperations(deps: ApiDeps) {
  const { store, sealer, passwords, totp, recovery, registration, clock, inForce } = deps;

  /** A change of credentials, its audit entry, and the end of the account's other sessions. */
  function change<T>(
    call: Call,
    person: Person,
    event: AuditEvent,
    work: (writer: Writer, now: number) => T,
    details: AuditDetails = {},
  ): T {
    const now = clock();
    const { account, session } = person;
    return store.change((writer) => {
      const result = work(writer, now);
      const ended = endSessionsOf(writer, account.id, 'credentials_changed', now, session.id);
      record(writer, sourceOf(person, call), event, account.name, { ...details, sessions_ended: ended.sessions }, now);
      return result;
    });
  }

  const getProfile = operation('me.get', z.strictObject({}), (_input, _call, { account }) => ({
    profile: profileOf(deps, requireAccount(store.reader, account.id)),
  }));

  const updateProfile = operation(
    'me.update',
    z.strictObject({ display_name: text(512) }),
    ({ display_name: displayName }, call, person) => {
      const now = clock();
      const account = store.change((writer) => {
        const { id, revision } = requireAccount(writer, person.account.id);
        const changed = updateAccount(writer, id, revision, { displayName }, now);
        const details = { fields: ['displayName'] };
        record(writer, sourceOf(person, call), 'account.updated', changed.name, details, now);
        return changed;
      });
      return { profile: profileOf(deps, account) };
    },
  );

  const setPassword = operation(
    'me.set_password',
    z.strictObject({ new: passwordField() }),
    async (input, call, person) => {
      const { id, name } = person.account;
      const hashed = await passwords.hash(checkNewPassword(input.new, name, inForce().passwordRules));
      change(call, person, 'password.changed', (writer, now) => {
        passwords.store(writer, id, hashed, now);
        setMustChange(writer, id, false);
      });
      return null;
    },
  );

  const beginTotp = operation('me.begin_totp', z.strictObject({}), (_input, _call, { account }) => {
    const { secret, otpauthUrl } = store.change((writer) => totp.begin(writer, account, clock()));
    return { secret, otpauth_url: otpauthUrl, qr_svg: qrSvg(otpauthUrl) };
  });

  const confirmTotp = operation('me.confirm_totp', z.strictObject({ code: codeField() }), ({ code }, call, person) => {
    const { id } = person.account;
    // A refusal is thrown after the transaction, so that what it counted stays.
    const answer = store.change((writer): TotpAnswer => {
      const now = clock();
      const tried = totp.confirm(writer, id, code, now);
      if (tried.kind !== 'accepted') return tried;
      const ended = endSessionsOf(writer, id, 'credentials_changed', now, person.session.id);
      const details = { sessions_ended: ended.sessions };
      record(writer, sourceOf(person, call), 'totp.enrolled', person.account.name, details, now);
      return tried;
    });
    if (answer.kind === 'refused') throw refusal('invalid_credentials', answer.reason);
    if (answer.kind === 'locked') {
      throw refusal('account_locked', 'totp_locked', { retryAfterSeconds: Math.ceil(answer.retryAfterMs / 1000) });
    }
    return null;
  });

  const removeTotp = operation('me.remove_totp', z.strictObject({}), (_input, call, person) => {
    change(call, person, 'totp.removed', (writer) => removeTotpOf(writer, person.account.id));
    return null;
  });

  function removeTotpOf(writer: Writer, accountId: string): void {
    if (!totp.remove(writer, accountId)) throw notFound('there is no TOTP to remove');
    requireWayIn(writer, accountId);
  }

  const createRecoveryCodes = operation('me.create_recovery_codes', z.strictObject({}), (_input, call, person) => ({
    codes: change(call, person, 'recovery_codes.created', (writer, now) =>
      recovery.create(writer, person.account.id, now),
    ),
  }));

  const beginPasskey = operation('me.begin_passkey', z.strictObject({}), (_input, _call, { account, session }) => {
    const { displayName } = requireAccount(store.reader, account.id);
    const registrant = { accountId: account.id, sessionId: session.id };
    const { ticket, publicKey } = store.change((writer) =>
      registration.begin(writer, registrant, { name: account.name, displayName }, clock()),
    );
    return { ticket, public_key: publicKeyJson(publicKey) };
  });

  const addPasskey = operation(
    'me.add_passkey',
    z.strictObject({ ticket: ticketField(), response: passkeyResponse(), name: text(64) }),
    async ({ ticket, response, name }, call, person) => {
      const registrant = { accountId: person.account.id, sessionId: person.session.id };
      const made = await registration.verify(registrant, ticket, response, clock());
      const passkey = change(
        call,
        person,
        'passkey.registered',
        (writer, now) => registration.add(writer, made, name, now),
        { name },
      );
      return { passkey: shownPasskey(passkey) };
    },
  );

  const listOwnPasskeys = operation('me.list_passkeys', z.strictObject({}), (_input, _call, { account }) => ({
    passkeys: listPasskeys(store.reader, account.id).map(shownPasskey),
  }));

  const renameOwnPasskey = operation(
    'me.rename_passkey',
    z.strictObject({ id: idField(), name: text(64) }),
    ({ id, name }, call, person) => {
      const { account } = person;
      const found = store.change((writer) => {
        renamePasskey(writer, account.id, id, name);
        record(writer, sourceOf(person, call), 'passkey.renamed', account.name, { passkey: id, name }, clock());
        return listPasskeys(writer, account.id).find((passkey) => passkey.id === id);
      });
      if (found === undefined) throw notFound('there is no such passkey');
      return { passkey: shownPasskey(found) };
    },
  );

  const removeOwnPasskey = operation('me.remove_passkey', z.strictObject({ id: idField() }), ({ id }, call, person) => {
    change(call, person, 'passkey.removed', (writer) => removePasskeyOf(writer, person.account.id, id), {
      passkey: id,
    });
    return null;
  });

  function removePasskeyOf(writer: Writer, accountId: string, id: string): void {
    removePasskey(writer, accountId, id);
    requireWayIn(writer, accountId);
  }

  const listFactors = operation('factors.list', z.strictObject({ id: accountField() }), ({ id }) => ({
    factors: factorsOf(deps, requireAccount(store.reader, id)),
  }));

  /** Whoever lost a factor gets a reset ticket for the password; the factor itself is taken away here. */
  const removeFactor = operation(
    'factors.remove',
    z.strictObject({ id: accountField(), factor: idField() }),
    ({ id, factor }, call, person) => {
      const account = requireAccount(store.reader, id);
      const now = clock();
      store.change((writer) => {
        const event = removeFactorOf(writer, account, factor);
        endEverythingOf(writer, account.id, 'credentials_changed', now);
        record(writer, sourceOf(person, call), event, account.name, { factor }, now);
      });
      return null;
    },
  );

  function removeFactorOf(writer: Writer, account: Account, factor: string): AuditEvent {
    switch (factor) {
      case 'totp':
        removeTotpOf(writer, account.id);
        return 'totp.removed';
      case 'recovery_codes':
        recovery.remove(writer, account.id);
        return 'recovery_codes.removed';
      case 'password':
        passwords.remove(writer, account.id);
        requireWayIn(writer, account.id);
        return 'password.removed';
      default:
        removePasskeyOf(writer, account.id, factor);
        return 'passkey.removed';
    }
  }

  const recover = operation(
    'auth.recover',
    z.strictObject({ ticket: ticketField(), new_password: passwordField() }),
    async ({ ticket, new_password: text }, call) => {
      const { address: ip, requestId } = call;
      admitAddress(deps, ip);
      // Judged before the ticket is taken: a weak password must not cost it. The name is known only then, so it is checked again.
      const password = checkNewPassword(text, '', inForce().passwordRules);
      const hashed = await passwords.hash(password);
      const now = clock();
      store.change((writer) => {
        const account = takeResetTicket(writer, sealer, ticket, now);
        checkNewPassword(text, account.name, inForce().passwordRules);
        passwords.store(writer, account.id, hashed, now);
        setMustChange(writer, account.id, false);
        deps.softLocks.reset(writer, account.name);
        const ended = endEverythingOf(writer, account.id, 'recovered', now);
        const source = { actor: account.name, actorKind: account.type, ip, requestId } as const;
        record(writer, source, 'account.reset_used', account.name, { ...ended }, now);
      });
      return null;
    },
  );

  return {
    getProfile,
    updateProfile,
    setPassword,
    beginTotp,
    confirmTotp,
    removeTotp,
    createRecoveryCodes,
    beginPasskey,
    addPasskey,
    listPasskeys: listOwnPasskeys,
    renamePasskey: renameOwnPasskey,
    removePasskey: removeOwnPasskey,
    listFactors,
    removeFactor,
    recover,
  };
}

function record(
  writer: Writer,
  source: AuditSource,
  event: AuditEvent,
  target: string,
  details: AuditDetails,
  now: number,
): void {
  appendAudit(writer, { ...source, event, target, service: '', reason: '', details }, now);
}

/** @throws rate_limited */
function admitAddress({ buckets, clock }: ApiDeps, address: string): void {
  const answer = buckets.take(address, clock());
  if (answer.kind === 'taken') return;
  throw refusal('rate_limited', 'rate_limited', { retryAfterSeconds: Math.ceil(answer.retryAfterMs / 1000) });
}

function profileOf({ store }: ApiDeps, account: Account) {
  const { hasPassword, hasTotp, passkeys, recoveryCodesLeft } = readWays(store.reader, account.id);
  return {
    id: account.id,
    name: account.name,
    display_name: account.displayName,
    email: account.email,
    roles: account.roles,
    groups: account.groups,
    has_password: hasPassword,
    has_totp: hasTotp,
    passkeys,
    recovery_codes_left: recoveryCodesLeft,
  };
}

function shownPasskey(passkey: Passkey) {
  return {
    id: passkey.id,
    kind: 'passkey',
    name: passkey.name,
    created_at: new Date(passkey.createdAt),
    last_used_at: passkey.lastUsedAt === null ? null : new Date(passkey.lastUsedAt),
    suspended_at: passkey.suspendedAt === null ? null : new Date(passkey.suspendedAt),
  };
}

/** `id` is what removes one: the kind, or a passkey's own id. */
function factorsOf({ store }: ApiDeps, { id }: Account) {
  const { hasPassword, hasTotp, recoveryCodesLeft } = readWays(store.reader, id);
  const single = (kind: string, has: boolean) => (has ? [{ id: kind, kind, name: '', ...noTimes }] : []);
  return [
    ...single('password', hasPassword),
    ...single('totp', hasTotp),
    ...listPasskeys(store.reader, id).map(shownPasskey),
    ...single('recovery_codes', recoveryCodesLeft > 0).map((factor) => ({ ...factor, left: recoveryCodesLeft })),
  ];
}

const noTimes = { created_at: null, last_used_at: null, suspended_at: null };

function notFound(message: string): Error {
  return refusal('not_found', 'bad_value', { message });
}
