import { loadPair, signatureOf, type CertificatePair, type PemProblem } from '../../../mcdsl/tls/index.ts';
import type { RouteSpec } from '../../proxy/model.ts';
import { loadAuthorities } from './authorities.ts';

/** One thing read from disk that any number of routes share: a certificate with its key, or a bundle of CAs. */
export type SourceSpec =
  | { readonly kind: 'pair'; readonly id: string; readonly paths: readonly [string, string] }
  | {
      readonly kind: 'authorities';
      readonly id: string;
      readonly paths: readonly [string];
      readonly field: 'client_ca' | 'backend_ca';
    };

export type SourceValue =
  { readonly kind: 'pair'; readonly pair: CertificatePair } | { readonly kind: 'authorities'; readonly pem: string };

export type SourceLoad =
  | { readonly kind: 'loaded'; readonly spec: SourceSpec; readonly signature: string; readonly value: SourceValue }
  | { readonly kind: 'refused'; readonly spec: SourceSpec; readonly signature: string; readonly problem: PemProblem };

/** What a route needs from disk, by its role in RouteMaterial. */
export interface RouteSources {
  readonly certificate: SourceSpec | null;
  readonly clientCa: SourceSpec | null;
  readonly backendCa: SourceSpec | null;
}

export type MaterialSpec = Pick<
  RouteSpec,
  'mode' | 'hostname' | 'tlsCert' | 'tlsKey' | 'clientCa' | 'backendCa' | 'backendVerify'
>;

export function sourcesOf(spec: MaterialSpec): RouteSources {
  if (spec.mode === 'l4') return { certificate: null, clientCa: null, backendCa: null };
  return {
    certificate: { kind: 'pair', id: `pair\n${spec.tlsCert}\n${spec.tlsKey}`, paths: [spec.tlsCert, spec.tlsKey] },
    clientCa: authorities(spec.clientCa, 'client_ca'),
    backendCa: spec.backendVerify === 'ca' ? authorities(spec.backendCa, 'backend_ca') : null,
  };
}

/**
 * Reads and checks a source. The signature is taken before the files are read: a change in between leaves a signature that
 * no longer fits, so the next check reads again.
 */
export function loadSource(spec: SourceSpec, nowMs: number): SourceLoad {
  const signature = signatureOf(spec.paths);
  if (spec.kind === 'pair') {
    const load = loadPair(spec.paths[0], spec.paths[1], nowMs);
    if (load.kind === 'refused') return { kind: 'refused', spec, signature, problem: load.problem };
    return { kind: 'loaded', spec, signature, value: { kind: 'pair', pair: load.value } };
  }
  const load = loadAuthorities(spec.paths[0], spec.field);
  if (load.kind === 'refused') return { kind: 'refused', spec, signature, problem: load.problem };
  return { kind: 'loaded', spec, signature, value: { kind: 'authorities', pem: load.value } };
}

export function sameValue(a: SourceValue, b: SourceValue): boolean {
  if (a.kind === 'pair' && b.kind === 'pair') {
    return a.pair.pem.certPem === b.pair.pem.certPem && a.pair.pem.keyPem === b.pair.pem.keyPem;
  }
  return a.kind === 'authorities' && b.kind === 'authorities' && a.pem === b.pem;
}

function authorities(path: string, field: 'client_ca' | 'backend_ca'): SourceSpec | null {
  return path === '' ? null : { kind: 'authorities', id: `authorities\n${field}\n${path}`, paths: [path], field };
}
