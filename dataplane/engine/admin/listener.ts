import { proxyErrors } from '../errors.ts';
import type { AdminDeps } from './deps.ts';

/**
 * The listener that a request to read means; empty where there is one only.
 * @throws listener_ambiguous, listener_unknown
 */
export function chooseListener({ state }: Pick<AdminDeps, 'state'>, listener: string): string {
  const listeners = state.listeners().map(({ spec }) => spec.addr);
  const [only] = listeners;
  if (listener === '' && only !== undefined && listeners.length === 1) return only;
  if (listeners.includes(listener)) return listener;
  const choices =
    listeners.length === 0 ? 'the configuration file has none' : `configured are: ${listeners.join(', ')}`;
  if (listener === '') throw proxyErrors.error('listener_ambiguous', `name the listener; ${choices}`, { listeners });
  const message = `there is no listener ${JSON.stringify(listener)}; ${choices}`;
  throw proxyErrors.error('listener_unknown', message, { listeners });
}
