/** The kinds of failure that are not zero, fit for a message. */
export function nonZero(failures: Readonly<Record<string, number>>): string[] {
  return Object.entries(failures)
    .filter(([, count]) => count !== 0)
    .map(([kind, count]) => `${count} ${kind}`);
}
