/** One backend of a route: who it is, how busy it is, whether it is believed to be up. */
export interface Backend {
  /** As configured: `host:port`. */
  readonly address: string;
  /** Connections (L4) or requests (L7) it serves now. */
  readonly active: number;
  /** True while it is left out after connect failures. */
  readonly ejected: boolean;
  /** A connection to it is open: counts it and forgets former connect failures. */
  opened(): void;
  closed(): void;
  /** Counts one more request without saying that a connection was made. */
  acquire(): void;
  release(): void;
  connectSucceeded(): void;
  connectFailed(): void;
}

export interface BackendPool {
  readonly backends: readonly Backend[];
  /**
   * Of the backends that are not in `tried`, by the first rule that finds one: the less busy of two drawn at random among those in
   * service (least connections, power of two choices); of those ejected, the one whose ejection ends first; then the same two
   * among those that fail their health checks. Serving badly beats not trying. Null when all were tried. Cost: one pass over the
   * backends, three where none is in service, no allocation.
   */
  pick(tried: ReadonlySet<string>): Backend | null;
}

export interface BackendPoolOptions {
  /** Consecutive connect failures after which a backend is ejected. */
  readonly failuresToEject?: number;
  /** The first ejection's length; each following one without a success between doubles it. */
  readonly ejectMs?: number;
  readonly maxEjectMs?: number;
  /** Milliseconds on any steady clock. */
  readonly now?: () => number;
  /** 0 ≤ random() < 1. */
  readonly random?: () => number;
  /** Whether the backend of this index fails its health checks; null: nobody checks. */
  readonly isDown?: ((index: number) => boolean) | null;
  /** After each connect failure; `isEjected`: it began an ejection. */
  readonly onConnectFailed?: (address: string, isEjected: boolean) => void;
}

interface Limits {
  readonly failuresToEject: number;
  readonly ejectMs: number;
  readonly maxEjectMs: number;
  readonly now: () => number;
  readonly onConnectFailed: (address: string, isEjected: boolean) => void;
}

export const NONE_TRIED: ReadonlySet<string> = new Set();

export function createBackendPool(addresses: readonly string[], options: BackendPoolOptions = {}): BackendPool {
  const limits: Limits = {
    failuresToEject: options.failuresToEject ?? 3,
    ejectMs: options.ejectMs ?? 1_000,
    maxEjectMs: options.maxEjectMs ?? 60_000,
    now: options.now ?? (() => performance.now()),
    onConnectFailed: options.onConnectFailed ?? (() => {}),
  };
  const random = options.random ?? Math.random;
  const isDown = options.isDown ?? null;
  const backends = addresses.map((address) => new CountedBackend(address, limits));
  const single = backends.length === 1 ? backends[0] : undefined;

  function pick(tried: ReadonlySet<string>): Backend | null {
    if (single) return tried.has(single.address) ? null : single;
    const now = limits.now();
    return (
      draw(tried, now, false) ??
      soonestBack(tried, false) ??
      (isDown && (draw(tried, now, true) ?? soonestBack(tried, true)))
    );
  }

  function draw(tried: ReadonlySet<string>, now: number, down: boolean): Backend | null {
    let usable = 0;
    for (let i = 0; i < backends.length; i++) if (isUsable(i, tried, now, down)) usable++;
    if (usable === 0) return null;
    const first = nth(tried, now, down, Math.floor(random() * usable));
    if (usable === 1 || !first) return first;
    // The second draw is among the others, so that two choices are two backends.
    const other = nth(tried, now, down, Math.floor(random() * (usable - 1)), first);
    return other && other.active < first.active ? other : first;
  }

  function nth(tried: ReadonlySet<string>, now: number, down: boolean, n: number, except?: Backend): Backend | null {
    let left = n;
    for (let i = 0; i < backends.length; i++) {
      const backend = backends[i];
      if (!backend || backend === except || !isUsable(i, tried, now, down)) continue;
      if (left-- === 0) return backend;
    }
    return null;
  }

  function soonestBack(tried: ReadonlySet<string>, down: boolean): Backend | null {
    let soonest: CountedBackend | null = null;
    for (let i = 0; i < backends.length; i++) {
      const backend = backends[i];
      if (!backend || tried.has(backend.address) || (!down && isDown?.(i))) continue;
      if (!soonest || backend.ejectedUntil < soonest.ejectedUntil) soonest = backend;
    }
    return soonest;
  }

  /** `down`: those that fail their health checks too. */
  function isUsable(index: number, tried: ReadonlySet<string>, now: number, down: boolean): boolean {
    const backend = backends[index];
    if (!backend || backend.ejectedUntil > now || tried.has(backend.address)) return false;
    return down || !isDown?.(index);
  }

  return { backends, pick };
}

class CountedBackend implements Backend {
  readonly address: string;
  active = 0;
  ejectedUntil = 0;
  #failures = 0;
  readonly #limits: Limits;

  constructor(address: string, limits: Limits) {
    this.address = address;
    this.#limits = limits;
  }

  get ejected(): boolean {
    return this.ejectedUntil > this.#limits.now();
  }

  opened(): void {
    this.active++;
    this.#failures = 0;
    this.ejectedUntil = 0;
  }

  closed(): void {
    this.active--;
  }

  acquire(): void {
    this.active++;
  }

  release(): void {
    this.active--;
  }

  connectSucceeded(): void {
    this.#failures = 0;
    this.ejectedUntil = 0;
  }

  connectFailed(): void {
    this.#failures++;
    const beyond = this.#failures - this.#limits.failuresToEject;
    const isEjected = beyond >= 0 && !this.ejected;
    // The first failure after an ejection ejects again, for twice as long: one probe, not three.
    const lengthMs = Math.min(this.#limits.maxEjectMs, this.#limits.ejectMs * 2 ** Math.min(beyond, 20));
    if (beyond >= 0) this.ejectedUntil = this.#limits.now() + lengthMs;
    this.#limits.onConnectFailed(this.address, isEjected);
  }
}
