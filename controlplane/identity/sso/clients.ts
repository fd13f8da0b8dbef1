import type { SsoClient } from '../config/index.ts';
import { selfService } from '../policy/index.ts';

/** mciasctl signs on by the browser without standing in any file (RFC 8252 section 7.3: loopback, whatever port was free). */
export const builtInClient = 'mciasctl';
const builtInRedirect = /^http:\/\/(?:127\.0\.0\.1|\[::1\]):[1-9][0-9]{0,4}\/callback$/;

/**
 * The client of a request, when its redirect_uri is byte for byte one that is registered (RFC 9700 section 2.1). Null for any other:
 * then nothing may be sent there, not even an error.
 */
export function findSsoClient(clients: readonly SsoClient[], clientId: string, redirectUri: string): SsoClient | null {
  if (clientId === builtInClient) {
    // A port above 65535 makes it no URL.
    const isLoopback = builtInRedirect.test(redirectUri) && URL.canParse(redirectUri);
    return isLoopback ? { clientId, redirectUri, serviceName: selfService, tags: [] } : null;
  }
  return clients.find((client) => client.clientId === clientId && client.redirectUri === redirectUri) ?? null;
}
