import type { ConfigPath, Reporter } from '../../../mcdsl/config/index.ts';
import type { RouteSpec } from '../../proxy/model.ts';
import { loadAuthorities, loadPair, namesCover, type PairLoad } from '../certificates/index.ts';

export interface FileCheck {
  /** Reads the PEM files of an l7 route and reports what is wrong with them at the route's keys. */
  check(spec: RouteSpec, path: ConfigPath): void;
}

/** Each pair is read once, however many routes share it; what is wrong with it is reported at the first of them. */
export function createFileCheck(report: Reporter): FileCheck {
  const pairs = new Map<string, PairLoad>();
  const bundles = new Set<string>();

  const checkBundle = (file: string, field: 'client_ca' | 'backend_ca', path: ConfigPath): void => {
    if (file === '' || bundles.has(file)) return;
    bundles.add(file);
    const load = loadAuthorities(file, field);
    if (load.kind === 'refused') report([...path, field], load.problem.message);
  };

  return {
    check(spec, path) {
      if (spec.mode === 'l4') return;
      const id = `${spec.tlsCert}\n${spec.tlsKey}`;
      const known = pairs.get(id);
      const load = known ?? loadPair(spec.tlsCert, spec.tlsKey, Date.now());
      pairs.set(id, load);
      if (!known) reportPair(load, path, report);
      if (load.kind === 'loaded' && !namesCover(load.value.info.names, spec.hostname)) {
        const names = load.value.info.names.join(', ') || 'no name';
        const message = `the certificate covers ${names}, not ${spec.hostname}; clients will reject it`;
        report([...path, 'tls_cert'], message, { severity: 'warning' });
      }
      checkBundle(spec.clientCa, 'client_ca', path);
      if (spec.backendVerify === 'ca') checkBundle(spec.backendCa, 'backend_ca', path);
    },
  };
}

function reportPair(load: PairLoad, path: ConfigPath, report: Reporter): void {
  if (load.kind === 'refused') {
    report([...path, load.problem.field], load.problem.message);
    return;
  }
  for (const warning of load.value.warnings) report([...path, 'tls_cert'], warning, { severity: 'warning' });
}
