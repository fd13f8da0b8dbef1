export { certificateAdvice } from './advice.ts';
export { createCertificateSource } from './certificate-source.ts';
export type { CertificateSource } from './certificate-source.ts';
export { signatureOf, signatureOfAsync } from './file-signature.ts';
export { loadPair, namesCover } from './pair.ts';
export type { CertificateInfo, CertificatePair, PairLoad } from './pair.ts';
export { isCertificateLabel, isKeyLabel, pemBlocks, readPemFile } from './pem-file.ts';
export type { PemField, PemProblem } from './pem-file.ts';
