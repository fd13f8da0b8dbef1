export { loadAuthorities } from './authorities.ts';
export { createCertificates } from './certificates.ts';
export type {
  CertificatesDeps,
  CertificatesOptions,
  Certificates,
  CertificateView,
  PreparedMaterial,
  ReloadReport,
  RouteKey,
} from './certificates.ts';
export { loadPair, namesCover } from './pair.ts';
export type { CertificateInfo, CertificatePair, PairLoad } from './pair.ts';
export type { PemField, PemProblem } from './pem-file.ts';
