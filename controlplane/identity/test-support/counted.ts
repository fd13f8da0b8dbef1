import type { RunningMcias } from './running-mcias.ts';

/** Refusals by reason, as a scrape of the running server says. */
export async function countedRefusals({
  metricsPort,
}: Pick<RunningMcias, 'metricsPort'>): Promise<ReadonlyMap<string, number>> {
  const answer = await fetch(`http://127.0.0.1:${metricsPort}/metrics`);
  const found = (await answer.text()).matchAll(/^mc_mcias_refusals_total\{reason="([a-z_]+)"\} (\d+)$/gm);
  return new Map([...found].map(([, reason = '', count]) => [reason, Number(count)]));
}

/** The reasons that work made the server count, each once, sorted. */
export async function reasonsOf(mcias: RunningMcias, work: () => Promise<unknown>): Promise<readonly string[]> {
  const before = await countedRefusals(mcias);
  await work();
  const after = await countedRefusals(mcias);
  return [...after.keys()].filter((reason) => after.get(reason) !== before.get(reason)).toSorted();
}
