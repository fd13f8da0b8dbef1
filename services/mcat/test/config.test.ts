import { describe, expect, it } from 'vitest';

import { loadConfigText } from '../../../mcdsl/config/index.ts';
import { mcatConfig } from '../config.ts';
import { splitTags } from '../context.ts';

function load(text: string) {
  return loadConfigText(mcatConfig, { file: 'mcat.toml', text });
}

function problemsOf(text: string): string[] {
  const loaded = load(text);
  return loaded.ok ? [] : loaded.problems.map(({ path, message }) => `${path.join('.')}: ${message}`);
}

const mcias = '[mcias]\nserver_url = "https://mcias.example.net:8443"\n';

describe('mcat.toml', () => {
  it('IA-84 listens on 127.0.0.1:8443 unless told otherwise', () => {
    const loaded = load(mcias);
    expect(loaded.ok && loaded.config.server).toMatchObject({
      listen_addr: { kind: 'tcp', host: '127.0.0.1', port: 8443 },
      public_url: 'https://localhost:8443',
      tls: 'on',
    });
    expect(loaded.ok && loaded.config.mcias).toMatchObject({ service_name: 'mcat', tags: [], token_file: '' });
  });

  it('needs [mcias], and knows no [database]', () => {
    expect(problemsOf('')).toEqual([expect.stringMatching(/^mcias/)]);
    expect(problemsOf(`${mcias}[database]\npath = "x"\n`)).toEqual([expect.stringContaining('database')]);
  });

  it('refuses presets that mcias could not be asked about, and two of one name', () => {
    const preset = (label: string, name: string) => `[[presets]]\nlabel = "${label}"\nservice_name = "${name}"\n`;
    expect(problemsOf(mcias + preset('a', 'Not A Name'))).toEqual([
      expect.stringMatching(/^presets\.0\.service_name: .*is not a service name/),
    ]);
    expect(problemsOf(mcias + preset('a', 'mcq') + preset('a', 'mcr'))).toEqual([
      'presets.1.label: two presets are called "a"',
    ]);
  });

  it('refuses a redirect to somewhere else than its pages, and plain HTTP where others reach it', () => {
    expect(problemsOf(`${mcias}[sso]\nredirect_uri = "https://mcq.example.net/sso/callback"\n`)).toHaveLength(1);
    expect(problemsOf(`[server]\ntls = "off"\nlisten_addr = "192.0.2.1:80"\n${mcias}`)).toHaveLength(1);
    expect(problemsOf(`[server]\ntls = "off"\n${mcias}`)).toEqual([]);
  });
});

describe('tags of a form', () => {
  it('stand between spaces, commas and line ends', () => {
    expect(splitTags(' env:prod,team:lab\n\tx ')).toEqual(['env:prod', 'team:lab', 'x']);
    expect(splitTags('')).toEqual([]);
  });
});
