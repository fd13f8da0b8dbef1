import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

import { deleteCookie, hostCookie } from '../http/index.ts';
import type { HttpContext } from '../http/index.ts';

/** A login that is under way at mcias, as the browser that began it carries it. */
export type Flow = { readonly state: string; readonly verifier: string; readonly returnPath: string };

export type FlowCookie = {
  write(context: Pick<HttpContext, 'addCookie'>, flow: Flow, nowMs: number): void;
  /** null when absent, changed, of another process, or too old. */
  read(context: Pick<HttpContext, 'cookie'>, nowMs: number): Flow | null;
  clear(context: Pick<HttpContext, 'addCookie'>): void;
};

const lifeSeconds = 600;
const nonceBytes = 12;
const tagBytes = 16;

/**
 * AES-256-GCM under a key that lives as long as the process, with the cookie's name as additional data: the browser can read nothing
 * and change nothing, and a restart ends the logins under way.
 */
export function createFlowCookie(service: string): FlowCookie {
  const name = `__Host-${service}-sso`;
  const key = randomBytes(32);
  const aad = Buffer.from(name);
  return {
    write(context, flow, nowMs) {
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes });
      cipher.setAAD(aad);
      const text = JSON.stringify([flow.state, flow.verifier, flow.returnPath, nowMs + lifeSeconds * 1000]);
      const sealed = Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
      context.addCookie(hostCookie(name, sealed.toString('base64url'), lifeSeconds));
    },
    read(context, nowMs) {
      const sealed = Buffer.from(context.cookie(name) ?? '', 'base64url');
      if (sealed.length <= nonceBytes + tagBytes) return null;
      try {
        const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, nonceBytes), {
          authTagLength: tagBytes,
        });
        decipher.setAAD(aad);
        decipher.setAuthTag(sealed.subarray(-tagBytes));
        const text = Buffer.concat([decipher.update(sealed.subarray(nonceBytes, -tagBytes)), decipher.final()]);
        // Sealed by us, so it has our shape.
        const [state, verifier, returnPath, endsAtMs] = JSON.parse(text.toString('utf8')) as [
          string,
          string,
          string,
          number,
        ];
        return nowMs < endsAtMs ? { state, verifier, returnPath } : null;
      } catch {
        // Not sealed under this key: another process's, or made up. Either way no login was begun.
        return null;
      }
    },
    clear: (context) => context.addCookie(deleteCookie(name)),
  };
}
