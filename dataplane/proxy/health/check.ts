import { createResolver, type Resolver } from '../backends/index.ts';
import type { HealthCheck, Route } from '../model.ts';
import { createProbe, type Probe, type ProbeOutcome } from './probe.ts';
import { createSlots } from './slots.ts';
import { judge, UNCHECKED, type Verdict } from './verdict.ts';

/** One backend that is asked again and again, however many routes share the answer. */
export interface Check {
  readonly id: string;
  readonly backend: string;
  readonly health: HealthCheck;
  verdict: Verdict;
  /** Why the last check failed; empty when it passed. */
  problem: string;
  /** When the verdict last changed. Milliseconds since the epoch. */
  since: number;
}

export interface Checks extends Disposable {
  start(id: string, backend: string, route: Route): Check;
  stop(id: string): void;
  get(id: string): Check | null;
  values(): Iterable<Check>;
  /** Due and not yet begun, because so many are under way. */
  readonly waiting: number;
  readonly passed: number;
  readonly failed: number;
}

/** Checks under way at once: bounds sockets and the main thread's time; when more are due they come late. */
const AT_ONCE = 128;
/** Each interval is drawn anew from 0.9 to 1.1 of itself, so that checks of many routes and proxies drift apart. */
const JITTER = 0.1;

interface Running extends Check {
  readonly probe: Probe;
  readonly ending: AbortController;
  timer: NodeJS.Timeout | null;
}

/** `changed` is called after each verdict that differs from the one before. Timers don't keep the process. */
export function createChecks(changed: (check: Check) => void): Checks {
  const resolver: Resolver = createResolver();
  const running = new Map<string, Running>();
  const slots = createSlots(AT_ONCE);
  let passed = 0;
  let failed = 0;

  function due(check: Running): void {
    slots.run(async () => {
      if (check.ending.signal.aborted) return;
      const startedAt = performance.now();
      const outcome = await check.probe(check.ending.signal);
      if (check.ending.signal.aborted) return;
      took(check, outcome);
      const intervalMs = check.health.intervalMs * (1 - JITTER + 2 * JITTER * Math.random());
      check.timer = setTimeout(() => due(check), Math.max(0, startedAt + intervalMs - performance.now()));
      check.timer.unref();
    });
  }

  function took(check: Running, outcome: ProbeOutcome): void {
    if (outcome.kind === 'unknown') return;
    if (outcome.kind === 'passed') passed++;
    else failed++;
    check.problem = outcome.kind === 'passed' ? '' : outcome.problem;
    const before = check.verdict;
    check.verdict = judge(before, outcome.kind === 'passed', check.health);
    if (check.verdict.isUp === before.isUp) return;
    check.since = Date.now();
    changed(check);
  }

  function end(check: Running): void {
    check.ending.abort();
    if (check.timer) clearTimeout(check.timer);
  }

  return {
    start(id, backend, route) {
      const check: Running = {
        id,
        backend,
        health: route.health,
        verdict: UNCHECKED,
        problem: '',
        since: Date.now(),
        probe: createProbe(route, backend, resolver),
        ending: new AbortController(),
        timer: null,
      };
      running.set(id, check);
      due(check);
      return check;
    },
    stop(id) {
      const check = running.get(id);
      running.delete(id);
      if (check) end(check);
    },
    get: (id) => running.get(id) ?? null,
    values: () => running.values(),
    get waiting() {
      return slots.waiting;
    },
    get passed() {
      return passed;
    },
    get failed() {
      return failed;
    },
    [Symbol.dispose]() {
      slots.clear();
      for (const check of running.values()) end(check);
      running.clear();
      resolver[Symbol.dispose]();
    },
  };
}
