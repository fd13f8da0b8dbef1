import { connect } from 'node:tls';
import { isIP } from 'node:net';

import { errnoOf, messageOf } from '../errors/index.ts';

/** Why mcias could not be asked. */
export type FailureKind = 'refused' | 'dns' | 'timeout' | 'tls' | 'network' | 'answer';

export type Failure = {
  readonly kind: FailureKind;
  /** For the operator's log. */
  readonly message: string;
  /** Names of the certificate that was shown, with a TLS failure. */
  readonly certificateNames: string | null;
};

const probeMs = 2000;

/** What an error of a connection or request means. */
export function failureOf(error: unknown): Failure {
  const code = errnoOf(error);
  const names = certificateNamesOf(error);
  return { kind: kindOf(code, error), message: messageOf(error), certificateNames: names };
}

function kindOf(code: string, error: unknown): FailureKind {
  if (code === 'ECONNREFUSED') return 'refused';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN' || code === 'EAI_NODATA') return 'dns';
  if (code === 'ETIMEDOUT') return 'timeout';
  if (error instanceof Error && error.name === 'TimeoutError') return 'timeout';
  return isTlsCode(code) ? 'tls' : 'network';
}

/** OpenSSL's words for what is wrong with a chain, and Node's own. */
function isTlsCode(code: string): boolean {
  return (
    /^ERR_(TLS|SSL)_/.test(code) ||
    code === 'EPROTO' ||
    /^(UNABLE_TO_|CERT_|CRL_|SELF_SIGNED_|DEPTH_ZERO_|INVALID_|HOSTNAME_MISMATCH|ERROR_IN_CERT)/.test(code)
  );
}

function certificateNamesOf(error: unknown): string | null {
  if (!(error instanceof Error) || !('cert' in error)) return null;
  const { cert } = error;
  if (typeof cert !== 'object' || cert === null || !('subjectaltname' in cert)) return null;
  return typeof cert.subjectaltname === 'string' ? cert.subjectaltname : null;
}

/** Looks at a certificate that was not accepted, for the log alone: nothing is sent to whoever shows it. null: it cannot be seen. */
export async function namesShownBy(url: string, serverName: string): Promise<string | null> {
  const { hostname, port } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  const name = serverName || host;
  const seen = Promise.withResolvers<string | null>();
  const socket = connect({
    host,
    port: Number(port || 443),
    rejectUnauthorized: false,
    timeout: probeMs,
    ...(isIP(name) === 0 ? { servername: name } : {}),
  });
  socket.once('secureConnect', () => seen.resolve(socket.getPeerCertificate().subjectaltname ?? ''));
  socket.once('error', () => seen.resolve(null));
  socket.once('timeout', () => seen.resolve(null));
  try {
    return await seen.promise;
  } finally {
    socket.destroy();
  }
}
