export type HealthState = 'serving' | 'not_serving';

export type PartHealth = {
  readonly state: HealthState;
  /** Why it does not serve, for the operator; null while it serves. */
  readonly reason: string | null;
};

/** What `GET /v1/health` answers: status 200 while serving, 503 otherwise. */
export type HealthReport = {
  readonly httpStatus: 200 | 503;
  readonly body: {
    readonly status: HealthState;
    readonly reason?: string;
    readonly parts: Readonly<Record<string, { readonly status: HealthState; readonly reason?: string }>>;
  };
};

/**
 * The health of a server: of each named part, and of the whole under the empty name. The whole serves while every part
 * does, so a part is something without which the server is of no use; anything less is a metric.
 */
export type Health = {
  /** Makes the part known; a new part does not serve until it is said to. */
  set(part: string, state: HealthState, reason?: string): void;
  /** Nothing serves from here on, whatever is set later: the server is shutting down. */
  shutDown(reason: string): void;
  /** null for a part that nobody made known. The empty name is the whole. */
  get(part: string): PartHealth | null;
  /** Every part by name, the whole included. */
  all(): ReadonlyMap<string, PartHealth>;
  report(): HealthReport;
  /** Calls back after each change of anything, until the returned function is called. */
  onChange(listener: () => void): () => void;
};

const serving: PartHealth = { state: 'serving', reason: null };

/** @param parts the names known from the start; they do not serve until set */
export function createHealth(parts: readonly string[]): Health {
  const states = new Map<string, PartHealth>(parts.map((part) => [checkName(part), starting]));
  const listeners = new Set<() => void>();
  let ended: PartHealth | null = null;

  const whole = (): PartHealth => {
    if (ended !== null) return ended;
    for (const [part, health] of states) {
      if (health.state !== 'serving') return { state: health.state, reason: `${part}: ${health.reason}` };
    }
    return serving;
  };
  const all = (): Map<string, PartHealth> => {
    const known = new Map([['', whole()]]);
    for (const [part, health] of states) known.set(part, ended ?? health);
    return known;
  };
  const changed = (): void => {
    for (const listener of listeners) listener();
  };

  return {
    set(part, state, reason) {
      const next = state === 'serving' ? serving : { state, reason: reason ?? 'no reason was given' };
      const before = states.get(checkName(part));
      states.set(part, next);
      if (before?.state !== next.state || before.reason !== next.reason) changed();
    },
    shutDown(reason) {
      ended ??= { state: 'not_serving', reason };
      changed();
    },
    get: (part) => all().get(part) ?? null,
    all,
    report() {
      const { state, reason } = whole();
      const partsOf = [...all()].filter(([part]) => part !== '').map(([part, health]) => [part, shown(health)]);
      return {
        httpStatus: state === 'serving' ? 200 : 503,
        body: { ...shown({ state, reason }), parts: Object.fromEntries(partsOf) },
      };
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

const starting: PartHealth = { state: 'not_serving', reason: 'starting' };

function checkName(part: string): string {
  if (part === '') throw new Error('the empty name is the health of the whole and cannot be set');
  return part;
}

function shown(health: PartHealth): { status: HealthState; reason?: string } {
  return health.reason === null ? { status: health.state } : { status: health.state, reason: health.reason };
}
