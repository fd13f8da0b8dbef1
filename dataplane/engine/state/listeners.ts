import { proxyErrors } from '../errors.ts';
import type { Desired } from './desired.ts';

/**
 * The listener that a request means; empty where there is one only.
 * @throws listener_ambiguous, listener_unknown
 */
export function resolveListener(desired: Desired, listener: string): string {
  const names = [...desired.listeners.keys()];
  const [only] = names;
  if (listener === '' && only !== undefined && names.length === 1) return only;
  const configured = names.length === 0 ? 'the configuration file has none' : `configured are: ${names.join(', ')}`;
  if (listener === '')
    throw proxyErrors.error('listener_ambiguous', `name the listener; ${configured}`, { listeners: names });
  if (desired.listeners.has(listener)) return listener;
  const message = `there is no listener ${JSON.stringify(listener)}; ${configured}`;
  throw proxyErrors.error('listener_unknown', message, { listeners: names });
}

/** As resolveListener, for removals: what the API left on a listener that the file no longer has can be removed too. */
export function resolveLeftListener(desired: Desired, listener: string): string {
  return desired.apiRoutes.has(listener) ? listener : resolveListener(desired, listener);
}
