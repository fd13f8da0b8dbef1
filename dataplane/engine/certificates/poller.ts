import type { SourceTable } from './source-table.ts';
import { signatureOfAsync } from '../../../mcdsl/tls/index.ts';

export interface Poller extends AsyncDisposable {
  lookAtAll(): Promise<void>;
}

/** Sources that one turn of the timer looks at: bounds the cost of a turn, however many certificates there are. */
const SOURCES_PER_TURN = 256;

/** Looks at files, one stat after the other on the thread pool; turns never overlap. `intervalMs` 0: no timer. */
export function createPoller(table: SourceTable, intervalMs: number): Poller {
  let round: string[] = [];
  let turn: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout | null = null;
  let closed = false;

  const lookAt = async (ids: readonly string[]): Promise<void> => {
    for (const id of ids) {
      const paths = table.paths(id);
      if (paths && !closed) table.seen(id, await signatureOfAsync(paths));
    }
  };
  const queue = (task: () => Promise<void>): Promise<void> => {
    turn = turn.then(task);
    return turn;
  };
  const schedule = (): void => {
    if (closed || intervalMs === 0) return;
    timer = setTimeout(() => {
      if (round.length === 0) round = table.ids();
      void queue(() => lookAt(round.splice(0, SOURCES_PER_TURN))).then(schedule);
    }, intervalMs);
    timer.unref();
  };
  schedule();

  return {
    lookAtAll: () => queue(() => lookAt(table.ids())),
    async [Symbol.asyncDispose]() {
      closed = true;
      if (timer) clearTimeout(timer);
      await turn;
    },
  };
}
