import type { Site } from './model.ts';

/**
 * The parts of the configurations that all scenarios share. Equal for all servers: TLS 1.3 only, X25519 before P-256, the same
 * certificate, no access log, connections to clients and backends kept for 300 s without a limit of requests, as many workers.
 */

/** Of each server: a connection takes two files, and a process has 20,000 where the limit cannot be raised. */
const MAX_CONNECTIONS = 9000;

/** ours, ready for `[[listeners.routes]]` to follow. */
export function oursConfig(site: Site, routes: string, firewall = ''): string {
  const text = JSON.stringify;
  return `[database]
path = ${text(`${site.dir}/mc-proxy.db`)}
[admin]
socket = ${text(`${site.dir}/mc-proxy.sock`)}
[metrics]
addr = "127.0.0.1:0"
[access_log]
enabled = false
[tls]
groups = "X25519:P-256"
[proxy]
workers = ${site.workers}
idle_timeout = "300s"
shutdown_timeout = "1s"
[firewall]
${firewall}
[[listeners]]
addr = "127.0.0.1:${site.port}"
${routes}`;
}

/** HAProxy, ready for frontends and backends to follow. */
export function haproxyConfig(site: Site, mode: 'tcp' | 'http', sections: string, defaults = ''): string {
  return `global
  nbthread ${site.workers}
  maxconn ${MAX_CONNECTIONS}
  maxpipes 256
  ssl-default-bind-options ssl-min-ver TLSv1.3 ssl-max-ver TLSv1.3
  ssl-default-bind-curves X25519:P-256
defaults
  mode ${mode}
  timeout connect 5s
  timeout client 300s
  timeout server 300s
${defaults}${sections}`;
}

/** nginx, with what belongs inside `http` or `stream`. */
export function nginxConfig(site: Site, kind: 'http' | 'stream', block: string, workers = site.workers): string {
  const head = kind === 'http' ? httpHead(site.dir) : '';
  return `${kind === 'stream' ? `load_module ${NGINX_STREAM_MODULE};\n` : ''}daemon off;
${process.getuid?.() === 0 ? 'user root;\n' : ''}worker_processes ${workers};
pid ${site.dir}/nginx.pid;
error_log stderr crit;
events { worker_connections ${2 * MAX_CONNECTIONS}; }
${kind} {
${head}${block}
}
`;
}

/** Caddy, with what belongs inside the site. */
export const caddyConfig = (site: Site, address: string, block: string): string => `{
  admin off
  auto_https off
  skip_install_trust
  log {
    level ERROR
  }
}
${address} {
  bind 127.0.0.1
  tls ${site.tls.cert} ${site.tls.key} {
    protocols tls1.3
    curves x25519 secp256r1
  }
${block}
}
`;

/** Where Debian's libnginx-mod-stream puts it. */
export const NGINX_STREAM_MODULE = '/usr/lib/nginx/modules/ngx_stream_module.so';

function httpHead(dir: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `  access_log off;
  keepalive_timeout 300s;
  keepalive_requests 1000000000;
${temporary.map((name) => `  ${name}_temp_path ${dir}/${name};\n`).join('')}`;
}
