import type { Reader } from '../../../mcdsl/database/index.ts';
import type { FamilyDefinition, FamilySamples, MetricSource } from '../../../mcdsl/metrics/index.ts';
import { countSessions } from '../sessions/index.ts';
import { countTickets, ticketKinds } from '../tickets/index.ts';
import type { Activity } from './activity.ts';
import { countTokens, systemTokenExpiry } from './list.ts';
import type { TokenVerifier } from './verify.ts';

export type TokenMetricsDeps = {
  readonly reader: Reader;
  readonly verifier: TokenVerifier;
  readonly activity: Activity;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
};

const family = (kind: 'counter' | 'gauge', name: string, help: string, ...labels: string[]): FamilyDefinition => ({
  kind,
  name,
  help,
  labels,
});

const expiry = family(
  'gauge',
  'mc_mcias_token_expiry_seconds',
  'Until the last token of a system account ends.',
  'account',
);
const tokens = family('gauge', 'mc_mcias_live_tokens', 'Tokens that are good now.', 'kind');
const sessions = family('gauge', 'mc_mcias_live_sessions', 'Sessions that have not ended.');
const tickets = family('gauge', 'mc_mcias_waiting_tickets_items', 'Tickets that were not redeemed yet.', 'kind');
const noted = family('gauge', 'mc_mcias_activity_entries', 'Uses that were noted and not written yet.');
const entries = family('gauge', 'mc_mcias_signature_cache_entries', 'Signatures that are remembered.');
const lookups = family('counter', 'mc_mcias_signature_cache_lookups_total', 'Looks into the cache.', 'result');
const evictions = family('counter', 'mc_mcias_signature_cache_evictions_total', 'Signatures forgotten for others.');

/** What the rooms of sessions, tokens and tickets hold, asked for at each scrape. Cost: four queries over indexes. */
export function tokenMetrics({ reader, verifier, activity, now }: TokenMetricsDeps): MetricSource {
  return {
    families: [expiry, tokens, sessions, tickets, noted, entries, lookups, evictions],
    async collect() {
      const at = now();
      const { entries: remembered, hits, misses, evictions: forgotten } = verifier.stats();
      return new Map<string, FamilySamples>([
        gauge(
          expiry,
          ...systemTokenExpiry(reader, at).map(({ account, expiresAt }) =>
            sample((expiresAt - at) / 1000, { account }),
          ),
        ),
        gauge(tokens, ...countTokens(reader, at).map(({ kind, n }) => sample(n, { kind }))),
        gauge(sessions, sample(countSessions(reader, at))),
        gauge(tickets, ...ticketKinds.map((kind) => sample(countTickets(reader, kind), { kind }))),
        gauge(noted, sample(activity.pending)),
        gauge(entries, sample(remembered)),
        counter(lookups, sample(hits, { result: 'hit' }), sample(misses, { result: 'miss' })),
        counter(evictions, sample(forgotten)),
      ]);
    },
  };
}

type Sample = { readonly labels: Readonly<Record<string, string>>; readonly value: number };

function sample(value: number, labels: Readonly<Record<string, string>> = {}): Sample {
  return { labels, value };
}

function gauge({ name }: FamilyDefinition, ...samples: Sample[]): [string, FamilySamples] {
  return [name, { kind: 'gauge', samples }];
}

function counter({ name }: FamilyDefinition, ...samples: Sample[]): [string, FamilySamples] {
  return [name, { kind: 'counter', samples }];
}
