import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { extname } from 'node:path';

import { content, defineApi, route } from '../http/index.ts';
import type { Api, HttpAnswer, HttpRoute } from '../http/index.ts';

/** Files for browsers, read once and served from memory under names that change with their content. */
export type Assets = {
  /** Where a file is served. @throws Error for a name that is not among them */
  url(name: string): string;
  readonly api: Api;
};

const contentTypes: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
};

/**
 * @param files by the name that pages use, such as `app.css`
 * @throws Error when a file cannot be read or is of a kind that we do not serve
 */
export function createAssets(files: Readonly<Record<string, URL>>): Assets {
  const urls = new Map<string, `/${string}`>();
  const routes: Record<string, HttpRoute> = {};
  for (const [name, file] of Object.entries(files)) {
    const extension = extname(name);
    const contentType = contentTypes[extension];
    if (contentType === undefined) throw new Error(`asset ${name}: files ${extension} are not served`);
    const bytes = readFileSync(file);
    const digest = hash('sha256', bytes, 'hex').slice(0, 16);
    const url = `/assets/${name.slice(0, -extension.length)}.${digest}${extension}` as const;
    urls.set(name, url);
    routes[name] = route({
      method: 'GET',
      path: url,
      answer: ({ header }) => answerWith(bytes, contentType, `"${digest}"`, header('if-none-match')),
    });
  }
  return {
    url(name) {
      const url = urls.get(name);
      if (url === undefined) throw new Error(`no asset is named ${name}`);
      return url;
    },
    api: defineApi({ routes, authorization: Object.fromEntries(Object.keys(routes).map((name) => [name, 'public'])) }),
  };
}

/** RFC 9110 §13.1.2: any of the tags, weak ones included, is enough for a 304. */
function answerWith(bytes: Buffer, contentType: string, etag: string, ifNoneMatch: string | null): HttpAnswer {
  const headers = { etag, 'cache-control': 'public, max-age=31536000, immutable' };
  const tags = (ifNoneMatch ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  if (tags.includes(etag) || tags.includes('*')) return { status: 304, headers, body: null };
  return content(200, contentType, bytes, headers);
}
