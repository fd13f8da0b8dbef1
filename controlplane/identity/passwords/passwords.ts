import { randomBytes } from 'node:crypto';
import type { Reader, Writer } from '../../../mcdsl/database/index.ts';
import { places, type Sealer } from '../keys/index.ts';
import type { Store } from '../store/index.ts';
import { hashPassword, verifyPassword } from './argon2.ts';
import { createHashGate, type HashGateLimits, type HashGateStats } from './hash-gate.ts';
import { canonicalPassword } from './password-rules.ts';
import { type Argon2Params, formatParams, parsePhc, type Phc } from './phc.ts';

export interface PasswordSettings {
  readonly params: Argon2Params;
  readonly memoryCapBytes: number;
  readonly queue: number;
  readonly queueTimeoutMs: number;
}

export interface PasswordsOptions extends PasswordSettings {
  readonly store: Store;
  readonly sealer: Sealer;
}

/** A hash that was computed and is not stored yet: hashing waits, and a transaction must not. */
export interface NewPassword {
  readonly phc: string;
}

export interface VerifyHooks {
  /** Asked right before the hash, when the turn in the queue has come; what it throws is thrown, and no hash is started. */
  admit?(): void;
  /**
   * Called when it does not match, before the next in the queue gets its turn: a failure that is counted here holds for that
   * one. What it throws is thrown.
   */
  mismatch?(): void;
  /** Called in the transaction that replaces an old hash, for its audit entry. */
  rehashed?(writer: Writer): void;
}

export interface Passwords {
  /**
   * Whether it is the account's password. `accountId` null stands for whoever cannot log in with one: unknown, disabled and
   * system accounts. They cost the same hash as a wrong password. A match under old parameters is hashed anew.
   * @throws busy; invalid_argument for a lone surrogate; what `admit` and `mismatch` throw
   */
  verify(accountId: string | null, password: string, hooks?: VerifyHooks): Promise<boolean>;
  /** Hashes a password that `checkNewPassword` has passed. @throws busy */
  hash(password: string): Promise<NewPassword>;
  store(writer: Writer, accountId: string, password: NewPassword, now: number): void;
  has(reader: Reader, accountId: string): boolean;
  remove(writer: Writer, accountId: string): void;
  /** New parameters apply to the next hash; stored ones are replaced when their owners log in. */
  setSettings(settings: PasswordSettings): void;
  stats(): HashGateStats;
}

export function createPasswords(options: PasswordsOptions): Passwords {
  const { store, sealer } = options;
  let params = options.params;
  const gate = createHashGate(limitsOf(options));

  function stored(reader: Reader, accountId: string): Phc | null {
    const row = reader.get<{ s_phc: Uint8Array }>('SELECT s_phc FROM passwords WHERE account_id = ?', [accountId]);
    if (row === null) return null;
    return parsePhc(sealer.open(places.password(accountId), row.s_phc).toString('utf8'));
  }

  function write(writer: Writer, accountId: string, { phc }: NewPassword, now: number): void {
    writer.run(
      `INSERT INTO passwords (account_id, s_phc, params, changed_at, created_at) VALUES (@accountId, @sealed, @params, @now, @now)
       ON CONFLICT (account_id) DO UPDATE SET
         s_phc = excluded.s_phc, params = excluded.params, changed_at = excluded.changed_at`,
      {
        accountId,
        sealed: sealer.seal(writer, places.password(accountId), Buffer.from(phc, 'utf8')),
        params: paramsOf(phc),
        now,
      },
    );
  }

  /** Whether the account's password is still the one that was read: it may have been changed during the hash. */
  function isStill(reader: Reader, accountId: string, before: Phc): boolean {
    const now = stored(reader, accountId);
    return now !== null && Buffer.compare(now.hash, before.hash) === 0;
  }

  /** The password stays the same, so the time of its change does too. */
  async function rehash(accountId: string, password: string, before: Phc, hooks: VerifyHooks): Promise<void> {
    const phc = await hashPassword(password, params);
    store.change((writer) => {
      if (!isStill(writer, accountId, before)) return;
      const sealed = sealer.seal(writer, places.password(accountId), Buffer.from(phc, 'utf8'));
      writer.run('UPDATE passwords SET s_phc = @sealed, params = @params WHERE account_id = @accountId', {
        sealed,
        params: paramsOf(phc),
        accountId,
      });
      hooks.rehashed?.(writer);
    });
  }

  return {
    async verify(accountId, text, hooks = {}) {
      const password = canonicalPassword(text);
      return gate.run(async () => {
        const known = accountId === null ? null : stored(store.reader, accountId);
        const isMatch = await verifyPassword(password ?? '', known ?? decoy(params));
        const isRight = isMatch && accountId !== null && known !== null && isStill(store.reader, accountId, known);
        if (!isRight || password === null) {
          hooks.mismatch?.();
          return false;
        }
        if (formatParams(known.params) !== formatParams(params)) await rehash(accountId, password, known, hooks);
        return true;
      }, hooks.admit);
    },

    hash: (password) => gate.run(async () => ({ phc: await hashPassword(password, params) })),
    store: write,
    has: (reader, accountId) => reader.get('SELECT 1 FROM passwords WHERE account_id = ?', [accountId]) !== null,
    remove: (writer, accountId) => void writer.run('DELETE FROM passwords WHERE account_id = ?', [accountId]),

    setSettings(settings) {
      gate.setLimits(limitsOf(settings));
      params = settings.params;
    },
    stats: () => gate.stats(),
  };
}

/** A hash that no password has, to compare with where there is none: it costs the same. */
function decoy(params: Argon2Params): Phc {
  return { params, salt: randomBytes(16), hash: randomBytes(32) };
}

function paramsOf(phc: string): string {
  return phc.split('$')[3] ?? '';
}

function limitsOf({ params, memoryCapBytes, queue, queueTimeoutMs }: PasswordSettings): HashGateLimits {
  return { memoryCapBytes, memoryBytes: params.memoryKib * 1024, queue, queueTimeoutMs };
}
