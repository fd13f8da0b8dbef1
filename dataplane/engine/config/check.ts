import type { Reporter } from '../../../mcdsl/config/index.ts';
import { checkFirewall } from './check-firewall.ts';
import { checkListeners } from './check-listeners.ts';
import { checkTls } from './check-tls.ts';
import type { ProxyConfig } from './schema.ts';

/** What the shape of the file can't say: everything is checked, so that one run reports every mistake. */
export function checkConfig(config: ProxyConfig, report: Reporter): void {
  checkListeners(config, report);
  checkFirewall(config, report);
  checkTls(config, report);
  if (config.metrics.addr?.kind === 'fd') {
    report(['metrics', 'addr'], 'metrics are not served on an inherited socket', {
      expected: 'host:port, or "" for none',
    });
  }
}
