import { haproxyConfig, oursConfig } from './configs.ts';
import { STREAM_HOST, type Contestant, type Site } from './model.ts';
import { haproxy, mcProxy, sniproxy } from './servers.ts';

/** Relays by the name in the ClientHello; without it, reset. */
export function oursL4(firewall: (site: Site) => string = () => ''): Contestant {
  const routes = ({ backendPort }: Site): string => `[[listeners.routes]]
hostname = "${STREAM_HOST}"
backend = "127.0.0.1:${backendPort}"
mode = "l4"
`;
  return { server: mcProxy, config: (site) => oursConfig(site, routes(site), firewall(site)) };
}

export interface HaproxyL4 {
  /** Its rules before the hello, each a whole line. */
  readonly onConnect?: (site: Site) => string;
  /** More of its defaults, each a whole line. */
  readonly defaults?: string;
  /** How the backend is chosen. */
  readonly choose?: (site: Site) => string;
}

const byName = (): string => `use_backend route if { req.ssl_sni -i ${STREAM_HOST} }`;

/** The same of HAProxy. */
export function haproxyL4({ onConnect = () => '', defaults = '', choose = byName }: HaproxyL4 = {}): Contestant {
  const sections = (site: Site): string => `frontend hellos
  bind 127.0.0.1:${site.port}
${onConnect(site)}  tcp-request inspect-delay 5s
  tcp-request content reject unless { req.ssl_hello_type 1 }
  ${choose(site)}
backend route
  server one 127.0.0.1:${site.backendPort}
`;
  return { server: haproxy, config: (site) => haproxyConfig(site, 'tcp', sections(site), defaults) };
}

/** The same of sniproxy, which has one thread and no other settings. */
export const sniproxyRelay: Contestant = {
  server: sniproxy,
  config: ({ dir, port, backendPort }) => `pidfile ${dir}/sniproxy.pid
${process.getuid?.() === 0 ? 'user root\n' : ''}error_log {
  filename ${dir}/error.log
  priority error
}
access_log {
  filename /dev/null
  priority emerg
}
listener 127.0.0.1:${port} {
  proto tls
  table routes
}
table routes {
  ${STREAM_HOST.replaceAll('.', '\\\\.')} 127.0.0.1:${backendPort}
}
`,
};

/** Without a firewall, by the one name: what most scenarios relay by. */
export const oursRelay = oursL4();
export const haproxyRelay = haproxyL4();
export const haproxySplice = haproxyL4({ defaults: '  option splice-request\n  option splice-response\n' });
