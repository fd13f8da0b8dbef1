import { z } from 'zod';
import { defineConfig } from '../../../../mcdsl/config/index.ts';
import { proxyConfig } from '../../config/index.ts';

const file = proxyConfig.schema.shape;
const fileListener = file.listeners.unwrap().element;
const fileRoute = fileListener.shape.routes.unwrap().element;
const fileFirewall = file.firewall.unwrap().shape;
const filePolicies = fileRoute.shape.policies.unwrap();

const route = fileRoute.extend({
  origin: z
    .enum(['config', 'api'])
    .optional()
    .describe('config: of the configuration file, which must have it so; api: of the API, whatever the file has.'),
});

const listener = z.strictObject({
  addr: fileListener.shape.addr,
  routes: z.array(route).default([]),
  policies: z
    .array(
      filePolicies.extend({
        hostname: fileRoute.shape.hostname,
        dormant: z.boolean().default(false).describe('They may have no effect: the route is not there, or l4.'),
      }),
    )
    .default([])
    .describe('Policies that stand beside a route, of either origin.'),
});

const firewall = z.strictObject({
  blocked_ips: fileFirewall.blocked_ips,
  blocked_cidrs: fileFirewall.blocked_cidrs,
  blocked_countries: fileFirewall.blocked_countries,
  allowed_cidrs: fileFirewall.allowed_cidrs,
  rate_limit: fileFirewall.rate_limit.unwrap().optional(),
  rate_window: fileFirewall.rate_window.unwrap().optional(),
});

/** Where `rate_limit` stands alone, the window is the default of the configuration file. */
export const DEFAULT_WINDOW_MS = fileFirewall.rate_window.parse(undefined);

/**
 * The part of mc-proxy.toml that the API can own, in the words of the file. Everything else of the file is the file's alone, and
 * an unknown key here.
 */
export const changeSet = defineConfig({
  service: 'mc-proxy-changes',
  schema: z.strictObject({
    listeners: z.array(listener).default([]),
    firewall: firewall.prefault({}),
  }),
});

export type ChangeSetConfig = z.output<typeof changeSet.schema>;
export type ChangeSetListener = ChangeSetConfig['listeners'][number];
export type ChangeSetRoute = ChangeSetListener['routes'][number];
