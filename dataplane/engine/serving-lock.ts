import { setTimeout as delay } from 'node:timers/promises';
import { databaseErrors, takeProcessLock } from '../../mcdsl/database/index.ts';
import type { Logger } from '../../mcdsl/logging/index.ts';

/** As long as a predecessor may take between its promise to drain and the moment that it does. */
const HANDOVER_MS = 5000;
const HANDOVER_POLL_MS = 20;

const NONE: Disposable = { [Symbol.dispose]: () => undefined };

/**
 * Held while this process serves its database, until it begins to drain: a second server is refused also where somebody deleted the
 * admin socket of the first. A lock that cannot be had for another reason, such as a full disk, stops no server.
 * @throws database_locked when another process serves the database
 */
export function takeServingLock(databasePath: string, adminSocket: string, logger: Logger): Disposable {
  const lock = tryLock(databasePath, logger);
  if (lock) return lock;
  throw databaseErrors.error(
    'database_locked',
    `another mc-proxy serves ${databasePath}, and nobody listens on ${adminSocket}: was the socket deleted? ` +
      `Stop that process first; "fuser ${databasePath}.lock" names it`,
  );
}

/** For a successor whose predecessor drains and so lets go of the lock. An older one may have none; one that hangs is waited for no longer. */
export async function inheritServingLock(databasePath: string, logger: Logger): Promise<Disposable> {
  for (let waitedMs = 0; waitedMs < HANDOVER_MS; waitedMs += HANDOVER_POLL_MS) {
    const lock = tryLock(databasePath, logger);
    if (lock) return lock;
    await delay(HANDOVER_POLL_MS);
  }
  logger.warn('the server before this one keeps its lock: a third one would not be refused', {
    database: databasePath,
  });
  return NONE;
}

function tryLock(databasePath: string, logger: Logger): Disposable | null {
  try {
    return takeProcessLock(databasePath);
  } catch (err) {
    logger.warn('no lock against a second server', { err });
    return NONE;
  }
}
