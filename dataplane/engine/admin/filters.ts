import { formatIp, parseIp } from '../../net/address.ts';
import { parseRouteHostname, whyNoHostname } from '../config/index.ts';
import { proxyErrors } from '../errors.ts';
import { checkText, maxLength } from './check.ts';

/**
 * What lists are narrowed by, in the one spelling that is compared; empty stays empty: all. What can match nothing is refused,
 * so that a misspelt filter is no empty list.
 * @throws invalid_argument
 */
export function hostnameFilter(text: string): string {
  checkText('hostname', text, maxLength.hostname);
  const hostname = text === '' ? '' : parseRouteHostname(text);
  if (hostname !== null) return hostname;
  throw proxyErrors.error('invalid_argument', whyNoHostname(text), { field: 'hostname' });
}

/** @throws invalid_argument */
export function ipFilter(text: string): string {
  checkText('ip', text, maxLength.word);
  if (text === '') return '';
  const ip = parseIp(text);
  if (ip !== null) return formatIp(ip);
  throw proxyErrors.error('invalid_argument', `${JSON.stringify(text)} is not an IP address`, { field: 'ip' });
}
