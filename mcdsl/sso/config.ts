import { z } from 'zod';

import { parseOrigin } from '../http/index.ts';
import { textField } from '../config/index.ts';
import type { TextParse } from '../config/index.ts';

export const callbackPath = '/sso/callback';

/** `[sso]` of a service with pages. */
export function ssoSection() {
  return z.strictObject({
    redirect_uri: textField(parseRedirectUri, {
      expected: `"https://HOST${callbackPath}", byte for byte as in mcias's [[sso_clients]], or "" for the password form`,
    })
      .prefault('')
      .describe('Where mcias sends the browser back; empty: a form for name, password and TOTP code.'),
    issuer: textField((text) => (text === '' ? { ok: true, value: '' } : parseOrigin(text)), {
      expected: 'an https origin such as "https://mcias.example.net:8443", or ""',
    })
      .prefault('')
      .describe("mcias's public_url, where browsers go; empty: [mcias] server_url."),
  });
}

function parseRedirectUri(text: string): TextParse<string> {
  if (text === '') return { ok: true, value: '' };
  const url = URL.parse(text);
  if (url?.protocol !== 'https:') return { ok: false, reason: `${JSON.stringify(text)} is not an https address` };
  if (
    url.href !== text ||
    url.pathname !== callbackPath ||
    url.search !== '' ||
    url.hash !== '' ||
    url.username !== ''
  ) {
    return { ok: false, reason: `${JSON.stringify(text)} is not an origin followed by ${callbackPath}` };
  }
  return { ok: true, value: text };
}
