import { shellWord } from './shell-word.ts';
import { databaseFile, L4_HOST, L7_HOST, socketPath, type BoxPlan } from './plan.ts';

/** mc-proxy.toml. A string of JSON is one of TOML too. */
export function proxyConfig({ dir, port, metricsPort, l7, l4 }: BoxPlan): string {
  const text = JSON.stringify;
  return `# Written by npm start at each start; changes here are lost.
[database]
path = ${text(databaseFile(dir))}

[admin]
socket = ${text(socketPath(dir))}

[[listeners]]
addr = "127.0.0.1:${port}"

# L7: mc-proxy terminates TLS and speaks HTTP to the origin.
[[listeners.routes]]
hostname = "${L7_HOST}"
backend = "${l7.backend}"
mode = "l7"
tls_cert = ${text(l7.pair.cert)}
tls_key = ${text(l7.pair.key)}
[listeners.routes.policies]
block_user_agents = ["zgrab", "masscan", "Nuclei", "httpx"]

# L4: the origin's own TLS passes through untouched.
[[listeners.routes]]
hostname = "${L4_HOST}"
backend = "${l4.backend}"
mode = "l4"

[firewall]
# npm start checks the box from this address, whatever else is blocked. Refusals are tried from another: curl --interface 127.0.0.2
allowed_cidrs = ["127.0.0.1/32"]
rate_limit = 200
rate_window = "10s"

[proxy]
shutdown_timeout = "3s"

[metrics]
addr = "127.0.0.1:${metricsPort}"
`;
}

/** What curl has to know about the box, for `curl -K`: host names then need neither DNS nor ports. */
export function curlConfig({ port, metricsPort, caFile }: BoxPlan): string {
  return `# Written by npm start at each start; for curl -K.
cacert = ${JSON.stringify(caFile)}
noproxy = "*"
connect-to = "metrics.box.test:80:127.0.0.1:${metricsPort}"
connect-to = "::127.0.0.1:${port}"
silent
show-error
`;
}

/** For sh: `. srv/box/env`. */
export function shellSettings({ dir, port, l7, l4 }: BoxPlan): string {
  const settings = {
    MC_PROXY_ADMIN_SOCKET: socketPath(dir),
    BOX_ADDRESS: `127.0.0.1:${port}`,
    BOX_PLAIN_ORIGIN: l7.backend,
    BOX_TLS_ORIGIN: l4.backend,
  };
  const lines = Object.entries(settings).map(([name, value]) => `export ${name}=${shellWord(value)}\n`);
  return `# Written by npm start at each start; for the dot command of sh.\n${lines.join('')}`;
}
