import type { Certificate } from '../../../proto/gen/mcproxy/v1/mcproxy.ts';
import type { CertificateView } from '../certificates/index.ts';
import type { AdminDeps, ProxyAdminHandlers } from './deps.ts';

const dayMs = 86_400_000;

export function certificateHandlers({
  state,
}: AdminDeps): Pick<ProxyAdminHandlers, 'listCertificates' | 'reloadCertificates'> {
  return {
    listCertificates: () => ({ certificates: state.certificates().map(certificateTo) }),
    async reloadCertificates() {
      const { reloaded, unchanged, failed } = await state.reloadCertificates();
      return { reloaded, unchanged, failed: failed.map(certificateTo) };
    },
  };
}

function certificateTo({ listener, hostname, certPath, info, error }: CertificateView): Certificate {
  return {
    listener,
    hostname,
    certPath,
    subject: info?.subject ?? '',
    issuer: info?.issuer ?? '',
    names: [...(info?.names ?? [])],
    notAfter: info?.notAfter,
    daysLeft: info ? (info.notAfter.getTime() - Date.now()) / dayMs : 0,
    sha256: info?.sha256 ?? '',
    error,
  };
}
