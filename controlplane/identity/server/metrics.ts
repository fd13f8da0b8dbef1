import { SystemError } from '../../../mcdsl/errors/index.ts';
import type { FamilyDefinition, FamilySamples, MetricsRegistry } from '../../../mcdsl/metrics/index.ts';
import type { ApiDeps } from '../api/index.ts';
import { refusalOf } from '../errors.ts';
import type { Refusals } from '../refusals.ts';
import { tokenMetrics } from '../tokens/index.ts';

/**
 * `mc_mcias_refusals_total`: whatever was refused at either edge, validates that said no, and refusals that a page shows or a redirect
 * carries, by reason.
 */
export function countRefusals(registry: MetricsRegistry): Refusals {
  const refusals = registry.counter({
    name: 'mc_mcias_refusals_total',
    help: 'Requests and tokens refused, by reason.',
    labels: ['reason'],
  });
  return {
    reason: (reason) => refusals.inc({ reason }),
    error: (error) => refusals.inc({ reason: reasonOf(error) }),
  };
}

/** Of ours, the reason; of the edges, their finer word; otherwise the code. */
function reasonOf(error: unknown): string {
  const own = refusalOf(error)?.reason;
  if (own !== undefined) return own;
  if (!(error instanceof SystemError)) return 'internal';
  const { reason } = error.details;
  return typeof reason === 'string' ? reason : error.code;
}

const families = {
  mc_mcias_hash_slots_used_items: ['gauge', 'Password hashes that run now.'],
  mc_mcias_hash_slots_items: ['gauge', 'Password hashes that may run at once.'],
  mc_mcias_hash_queue_items: ['gauge', 'Logins that wait for a password hash.'],
  mc_mcias_hash_busy_total: ['counter', 'Logins told busy.'],
  mc_mcias_throttled_name_entries: ['gauge', 'Names with failed logins; the one unlocked longest leaves at 100000.'],
  mc_mcias_throttled_addresses: ['gauge', 'Addresses with recent tries; the longest ago leaves at 100000.'],
  mc_mcias_throttle_evictions_total: ['counter', 'Names and addresses forgotten to make room.'],
  mc_mcias_audit_waiting_entries: ['gauge', 'Audit entries of refused tokens that are not written yet.'],
  mc_mcias_audit_dropped_total: ['counter', 'Audit entries of refused tokens lost: too many, or not writable.'],
  mc_mcias_policy_rules: ['gauge', 'Rules of the login policy, at most 1000.'],
} as const satisfies Record<string, readonly ['gauge' | 'counter', string]>;

/** Figures of the rooms, read at each scrape. */
export function addIdentityMetrics(registry: MetricsRegistry, rooms: ApiDeps): void {
  const { store, verifier, activity, clock } = rooms;
  registry.addSource(tokenMetrics({ reader: store.reader, verifier, activity, now: clock }));
  registry.addSource({
    families: Object.entries(families).map(([name, [kind, help]]): FamilyDefinition => ({
      kind,
      name,
      help,
      labels: [],
    })),
    collect: async () => {
      const values = figures(rooms);
      return new Map(
        Object.entries(families).map(([name, [kind]]): [string, FamilySamples] => [
          name,
          { kind, samples: [{ labels: {}, value: values[name as keyof typeof families] }] },
        ]),
      );
    },
  });
}

function figures({
  store,
  passwords,
  softLocks,
  buckets,
  auditQueue,
  policy,
}: ApiDeps): Record<keyof typeof families, number> {
  const hashes = passwords.stats();
  const names = softLocks.stats(store.reader);
  const addresses = buckets.stats();
  const { waiting, dropped } = auditQueue.stats();
  return {
    mc_mcias_hash_slots_used_items: hashes.running,
    mc_mcias_hash_slots_items: hashes.slots,
    mc_mcias_hash_queue_items: hashes.waiting,
    mc_mcias_hash_busy_total: hashes.refused,
    mc_mcias_throttled_name_entries: names.rows,
    mc_mcias_throttled_addresses: addresses.size,
    mc_mcias_throttle_evictions_total: names.evictions + addresses.evictions,
    mc_mcias_audit_waiting_entries: waiting,
    mc_mcias_audit_dropped_total: dropped,
    mc_mcias_policy_rules: policy.snapshot().rules.length,
  };
}
