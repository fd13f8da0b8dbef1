import { caddyConfig, haproxyConfig, nginxConfig, oursConfig } from './configs.ts';
import type { Config, Contestant, Scenario } from './model.ts';
import { caddy, caddyLatest, haproxy, mcProxy, nginx } from './servers.ts';

const configs: { ours: Config; haproxy: Config; nginx: Config; caddy: Config } = {
  ours: (site) =>
    oursConfig(
      site,
      `[[listeners.routes]]
hostname = "localhost"
backend = "127.0.0.1:${site.backendPort}"
mode = "l7"
tls_cert = ${JSON.stringify(site.tls.cert)}
tls_key = ${JSON.stringify(site.tls.key)}
`,
    ),
  haproxy: (site) =>
    haproxyConfig(
      site,
      'http',
      `frontend web
  bind 127.0.0.1:${site.port} ssl crt ${site.tls.pem} alpn h2,http/1.1
  http-request set-header X-Forwarded-For %[src]
  http-request set-header X-Real-IP %[src]
  http-request set-header X-Forwarded-Proto https
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
  default_backend origin
backend origin
  http-reuse always
  server one 127.0.0.1:${site.backendPort}
`,
    ),
  nginx: (site) =>
    nginxConfig(
      site,
      'http',
      `  upstream origin {
    server 127.0.0.1:${site.backendPort};
    keepalive 128;
    keepalive_timeout 300s;
    keepalive_requests 1000000000;
  }
  server {
    listen 127.0.0.1:${site.port} ssl http2;
    server_name localhost;
    ssl_protocols TLSv1.3;
    ssl_ecdh_curve X25519:P-256;
    ssl_certificate ${site.tls.cert};
    ssl_certificate_key ${site.tls.key};
    client_max_body_size 0;
    location / {
      proxy_pass http://origin;
      proxy_http_version 1.1;
      proxy_request_buffering off;
      proxy_max_temp_file_size 0;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Real-IP $remote_addr;
      proxy_set_header X-Forwarded-Proto https;
      proxy_set_header X-Forwarded-Host $http_host;
    }
  }`,
    ),
  caddy: (site) =>
    caddyConfig(
      site,
      `https://localhost:${site.port}`,
      `  reverse_proxy 127.0.0.1:${site.backendPort} {
    header_up X-Real-IP {remote_host}
    transport http {
      keepalive 300s
      keepalive_idle_conns_per_host 128
    }
  }`,
    ),
};

/** Servers that terminate TLS and pass requests on by HTTP/1.1 as they come, with the same forwarded headers. */
export const oursWeb: Contestant = { server: mcProxy, config: configs.ours };
export const webRivals = {
  haproxy: { server: haproxy, config: configs.haproxy },
  nginx: { server: nginx, config: configs.nginx },
  caddy: { server: caddy, config: configs.caddy },
  'caddy-latest': { server: caddyLatest, config: configs.caddy },
} satisfies Scenario['rivals'];
