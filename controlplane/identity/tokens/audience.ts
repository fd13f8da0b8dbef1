/** Accepted by every service, but not by mcias's own management. */
export const platformAudience = 'platform';
export const managementAudience = 'mcias';

/** So many entries a token may have. */
export const maxAudience = 8;

/** Whether a token of this audience is meant for a service: a service cannot use somebody's token at another one. */
export function audienceCovers(audience: readonly string[], serviceName: string): boolean {
  if (audience.includes(serviceName)) return true;
  return serviceName !== managementAudience && audience.includes(platformAudience);
}
