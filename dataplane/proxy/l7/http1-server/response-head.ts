import { STATUS_CODES } from 'node:http';
import { isFieldText } from '../http1/field-lines.ts';
import { headerName } from '../header-kinds.ts';
import { httpDate } from '../http-date.ts';

export type ResponseFraming = 'none' | 'length' | 'chunked' | 'until-close';

export interface ResponsePlan {
  readonly status: number;
  /** Raw list, names in lower case, without framing but Content-Length. */
  readonly fields: readonly string[];
  /** The request was a HEAD. */
  readonly answersHead: boolean;
  readonly hasBody: boolean;
  readonly isHttp11: boolean;
  /** What Connection says: nothing where that is the version's default. */
  readonly persistence: 'default' | 'close' | 'keep-alive';
}

/** The head as it goes over the wire, latin-1, and how long its body is. */
export interface WrittenHead {
  readonly text: string;
  readonly framing: ResponseFraming;
  /** Of a body of known length. */
  readonly contentLength: number;
}

/** What nghttp2 lets through of a backend is not ours to know; two framings in one head would be. */
const LENGTH = /^\d{1,15}$/;

/** Throws when a field can't be sent: a line break in it would be a response of its own. */
export function writeResponseHead(plan: ResponsePlan): WrittenHead {
  const { status, fields, hasBody } = plan;
  let text = statusLine(status);
  let contentLength = -1;
  let hasDate = false;
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] ?? '';
    const value = fields[i + 1] ?? '';
    if (name === 'content-length') {
      // RFC 9110 §8.6: a 204 has none.
      if (status === 204) continue;
      if (contentLength !== -1 || !LENGTH.test(value))
        throw new Error(`content-length ${JSON.stringify(value)} can't be sent`);
      contentLength = Number(value);
    } else if (name === 'date') hasDate = true;
    text += fieldLine(name, value);
  }
  if (!hasDate) text += `date: ${httpDate()}\r\n`;
  let framing: ResponseFraming = 'none';
  if (hasBody) {
    if (contentLength >= 0) framing = 'length';
    else if (plan.isHttp11) framing = 'chunked';
    else framing = 'until-close';
  } else if (contentLength < 0 && !plan.answersHead && status !== 204 && status !== 304) {
    text += 'content-length: 0\r\n';
  }
  if (framing === 'chunked') text += 'transfer-encoding: chunked\r\n';
  if (plan.persistence !== 'default') text += `connection: ${plan.persistence}\r\n`;
  return { text: `${text}\r\n`, framing, contentLength };
}

/** 1xx, 101 among them. */
export function writeInformationalHead(status: number, fields: readonly string[]): string {
  let text = statusLine(status);
  if (status === 101) text += 'Connection: Upgrade\r\nUpgrade: websocket\r\n';
  for (let i = 0; i < fields.length; i += 2) text += fieldLine(fields[i] ?? '', fields[i + 1] ?? '');
  return `${text}\r\n`;
}

/** Trailers end like heads. */
export function writeTrailers(fields: readonly string[] | null): string {
  let text = '';
  if (fields) for (let i = 0; i < fields.length; i += 2) text += fieldLine(fields[i] ?? '', fields[i + 1] ?? '');
  return `${text}\r\n`;
}

function fieldLine(name: string, value: string): string {
  if (!headerName(name).isToken || !isFieldText(value)) throw new Error(`field ${JSON.stringify(name)} can't be sent`);
  return `${name}: ${value}\r\n`;
}

const statusLines = new Map<number, string>();

function statusLine(status: number): string {
  let line = statusLines.get(status);
  if (line === undefined) {
    line = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n`;
    statusLines.set(status, line);
  }
  return line;
}
