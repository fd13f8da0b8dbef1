import { messageOf } from '../errors/index.ts';
import type { Logger } from '../logging/index.ts';
import type { Notifier } from '../systemd/index.ts';
import { errorFields } from './error-fields.ts';

export type ReloadQueue = {
  /** Runs the reload, or once more after the one under way: its caller's change may be younger than that one's read. */
  request(): void;
};

/** A reload that fails leaves the old configuration in force; it says so and the server goes on. */
export function createReloadQueue(deps: {
  readonly reload: () => Promise<void>;
  readonly logger: Logger;
  readonly notifier: Notifier;
}): ReloadQueue {
  const { logger, notifier } = deps;
  let running = false;
  let again = false;
  const run = async (): Promise<void> => {
    running = true;
    do {
      again = false;
      notifier.reloading();
      try {
        await deps.reload();
        logger.info('configuration reloaded');
        notifier.ready('serving');
      } catch (err) {
        logger.error('reload failed, the old configuration stays', errorFields(err));
        notifier.ready(`serving with the old configuration: ${messageOf(err)}`);
      }
    } while (again);
    running = false;
  };
  return {
    request() {
      again = true;
      if (!running) void run();
    },
  };
}
