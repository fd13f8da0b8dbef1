import { defineErrors } from '../errors/index.ts';
import type { Logger } from '../logging/index.ts';
import { signatureOf, signatureOfAsync } from './file-signature.ts';
import { loadPair } from './pair.ts';
import type { CertificatePair } from './pair.ts';

const tlsErrors = defineErrors('tls', {
  certificate_unreadable: { http: 500, grpc: 'FAILED_PRECONDITION', retry: false },
  certificate_invalid: { http: 500, grpc: 'FAILED_PRECONDITION', retry: false },
  certificate_mismatch: { http: 500, grpc: 'FAILED_PRECONDITION', retry: false },
  certificate_expired: { http: 500, grpc: 'FAILED_PRECONDITION', retry: false },
});

/** The certificate of a server, read again when its files change. */
export type CertificateSource = Disposable & {
  current(): CertificatePair;
  /** Calls back with each new pair, until the returned function is called. */
  onChange(listener: (pair: CertificatePair) => void): () => void;
  /** Reads the files now (SIGHUP). @throws SystemError of the pair; then the one before stays in use */
  reload(): void;
  /** Looks at the files once; a change is loaded by the second look in a row that finds it the same. */
  check(): Promise<void>;
};

export type CertificateSourceOptions = {
  readonly certPath: string;
  readonly keyPath: string;
  readonly logger: Logger;
  /** 0: no timer. */
  readonly intervalMs?: number;
};

const defaultIntervalMs = 2000;

/**
 * Polls with stat rather than watching: that sees through the symbolic links of certificate clients and works on every mount.
 * @throws SystemError that names the file and what to do when the pair cannot be used at the start
 */
export function createCertificateSource(options: CertificateSourceOptions): CertificateSource {
  const { certPath, keyPath, logger, intervalMs = defaultIntervalMs } = options;
  const paths = [certPath, keyPath];
  const listeners = new Set<(pair: CertificatePair) => void>();
  // Taken before the files are read: a change in between leaves a signature that no longer fits.
  let loadedSignature = signatureOf(paths);
  let lastSeen = loadedSignature;
  let pair = load(certPath, keyPath, logger);
  let timer: NodeJS.Timeout | null = null;
  let closed = false;

  const reload = (): void => {
    const signature = signatureOf(paths);
    loadedSignature = signature;
    const next = load(certPath, keyPath, logger);
    const changed = next.pem.certPem !== pair.pem.certPem || next.pem.keyPem !== pair.pem.keyPem;
    pair = next;
    if (!changed) return;
    logger.info('certificate loaded', { path: certPath, not_after: next.info.notAfter, names: next.info.names });
    for (const listener of listeners) listener(next);
  };
  const check = async (): Promise<void> => {
    const seen = await signatureOfAsync(paths);
    // Certificate and key are replaced one after the other: wait until both have come to rest.
    const atRest = seen === lastSeen;
    lastSeen = seen;
    if (closed || !atRest || seen === loadedSignature) return;
    try {
      reload();
    } catch (err) {
      logger.error('a new certificate cannot be used, the one before stays', { err });
    }
  };
  const schedule = (): void => {
    if (closed || intervalMs === 0) return;
    timer = setTimeout(() => void check().then(schedule), intervalMs).unref();
  };
  schedule();

  return {
    current: () => pair,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    reload,
    check,
    [Symbol.dispose]() {
      closed = true;
      if (timer !== null) clearTimeout(timer);
    },
  };
}

function load(certPath: string, keyPath: string, logger: Logger): CertificatePair {
  const loaded = loadPair(certPath, keyPath, Date.now());
  if (loaded.kind === 'refused') throw tlsErrors.error(loaded.problem.code, loaded.problem.message);
  for (const warning of loaded.value.warnings) logger.warn(warning);
  return loaded.value;
}
