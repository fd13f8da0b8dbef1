import { z } from 'zod';

import { mciasSection } from '../../mcdsl/auth/index.ts';
import {
  adminSection,
  defineConfig,
  duration,
  filePathOrNone,
  logSection,
  metricsSection,
  section,
  type Frozen,
  type Reporter,
} from '../../mcdsl/config/index.ts';
import { checkHttpServer, httpServerSection, publicUrl } from '../../mcdsl/http/index.ts';
import { ssoSection } from '../../mcdsl/sso/index.ts';
import { serviceName, tags } from './context.ts';

const SERVICE = 'mcat';
const maxPresets = 100;

/** On this machine only unless the file says otherwise: whoever reaches the form can try passwords through it. */
const server = httpServerSection({ listenAddr: '127.0.0.1:8443', maxBody: '64KiB' })
  .omit({ grpc_addr: true })
  .extend({
    tls_cert: filePathOrNone().prefault('/srv/mcat/certs/cert.pem').describe('PEM certificate chain.'),
    tls_key: filePathOrNone().prefault('/srv/mcat/certs/key.pem').describe('PEM private key.'),
    public_url: publicUrl().prefault('https://localhost:8443').describe('Where browsers find mcat.'),
    shutdown_timeout: duration().prefault('10s').describe('How long SIGTERM waits for requests in flight.'),
  });

const preset = z.strictObject({
  label: z.string().min(1).max(64).describe('What the table calls it.'),
  service_name: serviceName(),
  tags: tags().default([]),
});

/** mcat.toml. There is no section [database]: mcat keeps nothing. */
const schema = z.strictObject({
  server: section(server),
  mcias: mciasSection(SERVICE),
  sso: section(ssoSection()),
  admin: section(adminSection(SERVICE)),
  metrics: section(metricsSection()),
  log: section(logSection()),
  presets: z.array(preset).max(maxPresets).default([]).describe('Contexts that one submission can run against.'),
});

export type McatConfig = Frozen<z.output<typeof schema>>;
export type Preset = McatConfig['presets'][number];

export const mcatConfig = defineConfig({ service: SERVICE, schema, check });

function check({ server: settings, sso, presets }: z.output<typeof schema>, report: Reporter): void {
  checkHttpServer({ ...settings, grpc_addr: null }, report);
  if (sso.redirect_uri !== '' && new URL(sso.redirect_uri).origin !== settings.public_url) {
    report(['sso', 'redirect_uri'], `${sso.redirect_uri} is not at ${settings.public_url}`, {
      expected: 'an address of server.public_url',
    });
  }
  const first = new Map<string, number>();
  presets.forEach(({ label }, index) => {
    const other = first.get(label);
    if (other === undefined) first.set(label, index);
    else {
      const related = { path: ['presets', other, 'label'], message: 'the first one' };
      report(['presets', index, 'label'], `two presets are called ${JSON.stringify(label)}`, { related });
    }
  });
}
