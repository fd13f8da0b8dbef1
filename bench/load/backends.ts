import { join } from 'node:path';
import { nginxConfig } from './configs.ts';
import type { Backend, Command } from './model.ts';

/** What the backends answer, and the checks expect. */
export const WEB_BODY = 'The quick brown fox jumps over the lazy dog, and back once more.';
/** The path whose answer tells the forwarded headers that the backend got, joined by "|". */
export const FORWARDED_PATH = '/forwarded';

/** 64 bytes that are an HTTP answer too, so that a load tool for HTTP can tell that they came whole. */
export const HELLO_ANSWER = 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\nX: xx\r\n\r\n';

/** How long one stream is, and the block that it repeats. */
export const STREAM_BYTES = 64 * 1024 * 1024;
export const STREAM_BLOCK_BYTES = 1024 * 1024;
/** How long a large HTTP body is, of the same blocks. */
export const BODY_BYTES = 100 * 1024 * 1024;

/** HTTP/1.1 in clear, 64 bytes from memory: the cheapest answer that a server of others gives. */
export const webBackend: Backend = {
  about: 'nginx, HTTP/1.1 in clear, 64 bytes from its configuration',
  needs: ['nginx'],
  config: (site) =>
    nginxConfig(
      site,
      'http',
      `  server {
    listen 127.0.0.1:${site.port} backlog=4096;
    default_type text/plain;
    location / { return 200 "${WEB_BODY}"; }
    location = ${FORWARDED_PATH} {
      return 200 "$http_x_forwarded_for|$http_x_real_ip|$http_x_forwarded_proto|$http_x_forwarded_host";
    }
  }`,
      1,
    ),
  command: (_site, config) => ['nginx', '-c', config],
};

/** Reads a whole ClientHello before it answers and closes: closing with the hello unread would reset the connection. */
export const helloBackend: Backend = {
  about: 'nginx stream, reads the ClientHello, answers 64 bytes and closes',
  needs: ['nginx', 'nginx-stream'],
  config: (site) =>
    nginxConfig(
      site,
      'stream',
      `  server {
    listen 127.0.0.1:${site.port} backlog=4096;
    ssl_preread on;
    return "${HELLO_ANSWER.replaceAll('\r', '\\r').replaceAll('\n', '\\n')}";
  }`,
      1,
    ),
  command: (_site, config) => ['nginx', '-c', config],
};

/** No server of others sends a long stream in clear after a ClientHello, or reads one. */
export function streamBackend(direction: 'down' | 'up'): Backend {
  const mebibytes = STREAM_BYTES / 1024 / 1024;
  return {
    about: `a program of ours that reads the ClientHello and ${direction === 'up' ? 'then' : 'sends'} ${mebibytes} MiB`,
    needs: [],
    command: ({ port }) => program('stream-backend', String(port), direction),
  };
}

/** Holds what comes open. */
export const holdBackend: Backend = {
  about: 'a program of ours that reads the ClientHello, answers 64 bytes and keeps the connection',
  needs: [],
  command: ({ port }) => program('hold-backend', String(port)),
};

/** Large bodies in clear, both ways. */
export const bodyBackend: Backend = {
  about: `a program of ours, HTTP/1.1 in clear: sends ${BODY_BYTES / 1024 / 1024} MiB, or reads as much and looks whether it is right`,
  needs: [],
  command: ({ port }) => program('body-backend', String(port)),
};

/** A program of `programs/`, on the Node that runs the bench. */
export function program(name: string, ...args: readonly string[]): Command {
  return [process.execPath, join(import.meta.dirname, `programs/${name}.ts`), ...args];
}
