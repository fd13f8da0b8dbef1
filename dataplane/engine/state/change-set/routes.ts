import { isAbsolute } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { ConfigPath, Reporter } from '../../../../mcdsl/config/index.ts';
import type { RouteSpec } from '../../../proxy/model.ts';
import { namesCover, type PreparedMaterial } from '../../certificates/index.ts';
import { checkRoute } from '../../config/check-listeners.ts';
import { routeId } from '../keys.ts';
import { isOfApi, isRepeated, type Judging } from './draft.ts';
import type { ChangeSetListener, ChangeSetRoute } from './schema.ts';

const MAX_PATH = 4096;

/** Takes the routes of one listener into the draft; those of an unknown one are judged all the same. */
export function takeRoutes(
  judging: Judging,
  listener: ChangeSetListener,
  at: ConfigPath,
  isKnown: boolean,
  files: FileCheck,
): void {
  const { report } = judging;
  const seen = new Map<string, ConfigPath>();
  listener.routes.forEach((route, index) => {
    const path = [...at, 'routes', index];
    const spec = checkRoute({ ...route, origin: route.origin ?? 'config' }, path, report);
    if (!spec) return;
    const message = `two routes of ${listener.addr} have the hostname ${spec.hostname}`;
    if (isRepeated(seen, spec.hostname, [...path, 'hostname'], message, report)) return;
    if (isKnown) takeRoute(judging, listener.addr, route, spec, path, files);
  });
}

function takeRoute(
  judging: Judging,
  addr: string,
  route: ChangeSetRoute,
  spec: RouteSpec,
  path: ConfigPath,
  files: FileCheck,
): void {
  const { desired, report, draft } = judging;
  const ofFile = desired.listeners.get(addr)?.configured.get(spec.hostname);
  const ofApi = desired.apiRoutes.get(addr)?.get(spec.hostname);
  const sameAsFile = isDeepStrictEqual(ofFile?.spec, spec);
  const sameAsApi = isDeepStrictEqual(ofApi, spec);
  if (route.origin === 'config') {
    if (sameAsFile) return;
    const other = ofFile ? `has ${spec.hostname} otherwise, at ${desired.configured.place(ofFile.path)}` : null;
    report([...path, 'origin'], `the configuration file ${other ?? `has no route ${spec.hostname}`}`, {
      expected: 'the route as the configuration file has it, or origin = "api"',
    });
    return;
  }
  if (route.origin === undefined && !isOfApi(sameAsFile, sameAsApi)) return;
  const routes = draft.routes.get(addr) ?? new Map<string, RouteSpec>();
  draft.routes.set(addr, routes.set(spec.hostname, spec));
  if (sameAsApi) return;
  if (!desired.listeners.has(addr)) {
    report(
      path,
      `${addr} is no listener of the configuration file: what the API has there can stay, nothing can be added`,
    );
    return;
  }
  checkPaths(spec, path, report);
  const prepared = files.prepare(spec, path);
  if (prepared) draft.prepared.set(routeId({ listener: addr, hostname: spec.hostname }), prepared);
}

/** A relative path would mean another file after a start from another directory. */
function checkPaths(spec: RouteSpec, path: ConfigPath, report: Reporter): void {
  const files = { tls_cert: spec.tlsCert, tls_key: spec.tlsKey, backend_ca: spec.backendCa, client_ca: spec.clientCa };
  for (const [field, file] of Object.entries(files)) {
    if (file === '') continue;
    const at = [...path, field];
    if (file.length > MAX_PATH) report(at, `the path has ${file.length} characters; ${MAX_PATH} are possible`);
    else if (/[\u0000-\u001f\u007f]/.test(file)) report(at, `${JSON.stringify(file)} holds control characters`);
    else if (!isAbsolute(file)) {
      report(at, `${JSON.stringify(file)} is a relative path`, {
        expected: "the absolute path of the file on the server's machine",
      });
    }
  }
}

export interface FileCheck {
  /** Reads the files of an l7 route and reports what is wrong with them; null for a route that can't be taken or has none. */
  prepare(spec: RouteSpec, path: ConfigPath): PreparedMaterial | null;
}

/** Files are read once, however many routes share them; what is wrong with them is reported at the first of these. */
export function createFileCheck({ certificates, report }: Judging): FileCheck {
  const known = new Map<string, PreparedMaterial>();
  return {
    prepare(spec, path) {
      if (spec.mode === 'l4') return null;
      const backendCa = spec.backendVerify === 'ca' ? spec.backendCa : '';
      const id = JSON.stringify([spec.tlsCert, spec.tlsKey, spec.clientCa, backendCa]);
      const earlier = known.get(id);
      const prepared = earlier ?? certificates.prepare(spec);
      known.set(id, prepared);
      if (!earlier) for (const { field, message } of prepared.problems) report([...path, field], message);
      for (const warning of warningsOf(prepared, spec.hostname, earlier !== undefined)) {
        report([...path, 'tls_cert'], warning, { severity: 'warning' });
      }
      return prepared.problems.length === 0 ? prepared : null;
    },
  };
}

function warningsOf({ loads }: PreparedMaterial, hostname: string, isKnown: boolean): string[] {
  return loads.flatMap((load) => {
    if (load.kind === 'refused' || load.value.kind !== 'pair') return [];
    const { info, warnings } = load.value.pair;
    const names = info.names.join(', ') || 'no name';
    const uncovered = `the certificate covers ${names}, not ${hostname}; clients will reject it`;
    return [...(isKnown ? [] : warnings), ...(namesCover(info.names, hostname) ? [] : [uncovered])];
  });
}
