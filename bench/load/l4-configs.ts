import { haproxyConfig, oursConfig } from './configs.ts';
import { STREAM_HOST, type Site } from './model.ts';

/** Relays by the name in the ClientHello; without it, reset. */
export function oursL4(site: Site, firewall = ''): string {
  const routes = `[[listeners.routes]]
hostname = "${STREAM_HOST}"
backend = "127.0.0.1:${site.backendPort}"
mode = "l4"
`;
  return oursConfig(site, routes, firewall);
}

/** The same of HAProxy; `onConnect` are its rules before the hello, `defaults` more of its defaults, each a whole line. */
export function haproxyL4(site: Site, { onConnect = '', defaults = '' } = {}): string {
  const sections = `frontend hellos
  bind 127.0.0.1:${site.port}
${onConnect}  tcp-request inspect-delay 5s
  tcp-request content reject unless { req.ssl_hello_type 1 }
  use_backend route if { req.ssl_sni -i ${STREAM_HOST} }
backend route
  server one 127.0.0.1:${site.backendPort}
`;
  return haproxyConfig(site, 'tcp', sections, defaults);
}
