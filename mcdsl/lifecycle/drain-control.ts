export type DrainState = 'serving' | 'draining' | 'drained';

export type DrainStatus = {
  readonly state: DrainState;
  /** When what is left is cut off; null while serving. */
  readonly deadline: Date | null;
  /** Connections or requests under way. */
  readonly remaining: number;
};

/** The drain of a server as the admin socket shows and starts it. */
export type DrainControl = {
  status(): DrainStatus;
  /** Begins the same shutdown as SIGTERM, or joins it. @param timeoutMs null: the configured shutdown_timeout */
  begin(timeoutMs: number | null): void;
  /** Calls back after each change of the state, and each second while draining. */
  onChange(listener: () => void): () => void;
};

/** The side of the control that the lifecycle moves. */
export type DrainProgress = {
  readonly control: DrainControl;
  draining(deadline: Date): void;
  drained(): void;
};

const tickMs = 1000;

export function createDrainProgress(deps: {
  readonly begin: (timeoutMs: number | null) => void;
  readonly remaining: () => number;
}): DrainProgress {
  const listeners = new Set<() => void>();
  let state: DrainState = 'serving';
  let deadline: Date | null = null;
  let tick: NodeJS.Timeout | null = null;
  const changed = (): void => {
    for (const listener of listeners) listener();
  };
  return {
    control: {
      status: () => ({ state, deadline, remaining: deps.remaining() }),
      begin: deps.begin,
      onChange(listener) {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
    draining(until) {
      state = 'draining';
      deadline = until;
      tick = setInterval(changed, tickMs).unref();
      changed();
    },
    drained() {
      state = 'drained';
      if (tick !== null) clearInterval(tick);
      changed();
    },
  };
}
