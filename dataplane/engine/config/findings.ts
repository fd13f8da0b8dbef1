/** The key of `[[listeners.routes]]` that a problem is about. */
export type RouteField =
  | 'hostname'
  | 'backends'
  | 'mode'
  | 'tls_cert'
  | 'tls_key'
  | 'backend_tls'
  | 'backend_verify'
  | 'backend_ca'
  | 'backend_server_name'
  | 'backend_protocol'
  | 'client_ca'
  | 'forwarded_headers'
  | `health_${'check' | 'interval' | 'timeout' | 'path' | 'host' | 'fall' | 'rise'}`
  | 'block_user_agents'
  | 'require_headers';

export interface RouteProblem {
  readonly field: RouteField;
  /** Of the entry, in fields that are lists. */
  readonly index: number | null;
  readonly message: string;
  readonly expected: string | null;
}

/** What is wrong with a route, collected while it is judged. */
export class Findings {
  readonly errors: RouteProblem[] = [];
  readonly warnings: RouteProblem[] = [];

  error(field: RouteField, message: string, details: { index?: number; expected?: string } = {}): void {
    this.errors.push({ field, message, index: details.index ?? null, expected: details.expected ?? null });
  }

  warn(field: RouteField, message: string): void {
    this.warnings.push({ field, message, index: null, expected: null });
  }
}

export function oneOf<T extends string>(
  field: RouteField,
  text: string,
  words: readonly [T, ...T[]],
  found: Findings,
): T {
  const word = words.find((candidate) => candidate === text);
  if (word !== undefined) return word;
  const expected = words.map((candidate) => JSON.stringify(candidate)).join(', ');
  found.error(field, `${JSON.stringify(text)} is no ${field}`, { expected: `one of ${expected}` });
  return words[0];
}
