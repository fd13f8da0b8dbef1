/**
 * The closed list of refusal reasons (PX-14): the one word that stands in the log line, in the label of `mc_proxy_refused_total`,
 * in the event stream and in the answer of `explain`. The text is what an operator reads.
 */
export const REASONS = {
  blocked_ip: 'the client address is in blocked_ips',
  blocked_cidr: 'the client address lies in one of blocked_cidrs',
  blocked_country: 'the client address belongs to one of blocked_countries',
  rate_limited: 'the client opened more connections than rate_limit allows within rate_window',
  proxy_header_missing: 'the listener requires a PROXY header and the trusted peer sent none',
  proxy_header_untrusted: 'a PROXY header came from a peer outside trusted_proxies, or on a listener that takes none',
  proxy_header_invalid: 'the PROXY header is malformed, too long, fails its checksum or is sent twice',
  hello_timeout: 'the PROXY header and ClientHello were not complete within hello_timeout',
  hello_invalid: 'the first bytes are no well-formed TLS ClientHello',
  hello_too_large: 'the ClientHello is longer than hello_max',
  no_sni: 'the ClientHello names no host and the listener has no default_route',
  no_route: 'no route of the listener matches the host name and there is no default_route',
  tls_version: 'the client offers no TLS 1.3 to a route that terminates TLS',
  tls_handshake: 'the TLS handshake with the client failed',
  certificate_unavailable: 'the route has no usable certificate',
  client_certificate: 'the client presented no certificate that client_ca signed',
  backend_unreachable: 'no backend of the route accepted a connection',
  backend_tls: 'the TLS handshake with the backend failed',
  backend_timeout: 'the backend did not answer in time',
  backend_protocol: 'the backend sent something that is no valid response, or broke it off',
  ua_blocked: 'the User-Agent matches block_user_agents of the route',
  header_required: 'a header named by require_headers of the route is missing',
  misdirected: 'the Host of the request belongs to another route than the TLS connection, or to none',
  request_invalid: 'the request is malformed or ambiguous',
  request_timeout: 'the request head or body made no progress in time',
  limit_connections: 'max_connections of the listener (or of the process) is reached',
  limit_upstreams: 'no more connections to backends: the limit of open files, or memory of the kernel, is used up',
  limit_header_bytes: 'the request head is larger than max_header_bytes',
  limit_header_count: 'the request has more than max_header_count header fields',
  limit_body: 'the request body is larger than max_body',
  limit_streams: 'the client exceeded a budget of its HTTP/2 connection',
  draining: 'the proxy is shutting down',
  internal: 'the proxy failed to handle the connection; the log has the cause',
} as const satisfies Record<string, string>;

export type Reason = keyof typeof REASONS;

export function isReason(text: string): text is Reason {
  return Object.hasOwn(REASONS, text);
}
