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
export { loadPair, namesCover } from '../../../mcdsl/tls/index.ts';
export type { CertificateInfo, CertificatePair, PairLoad } from '../../../mcdsl/tls/index.ts';
export type { PemField, PemProblem } from '../../../mcdsl/tls/index.ts';
