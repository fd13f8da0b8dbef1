import { ByteReader } from '../../net/byte-reader.ts';
import type { HelloFault, HelloRefusal } from './client-hello.ts';
import { identifyNotTls } from './first-bytes.ts';

/** `body` is the message without its four bytes of header: a view when it came in one record, else a copy. */
export type HandshakeScan =
  | { kind: 'incomplete'; needBytes: number }
  | { kind: 'message'; body: Uint8Array; consumedBytes: number }
  | HelloRefusal;

const RECORD_HEADER = 5;
const MESSAGE_HEADER = 4;
const CONTENT_HANDSHAKE = 22;
const MAJOR_VERSION = 3;
const MAX_PLAINTEXT = 2 ** 14;
const CLIENT_HELLO = 1;

/**
 * Finds the first handshake message, which must be a ClientHello, in the records at the start of a connection
 * (RFC 8446 §5.1). Walks record headers only. The hello precedes a key change, so it must end where a record ends; hence
 * a record's announced length alone says that all of it is needed.
 */
export function scanHandshake(bytes: Uint8Array, maxBytes: number): HandshakeScan {
  if (bytes.length > 0 && bytes[0] !== CONTENT_HANDSHAKE) {
    const fault = identifyNotTls(bytes);
    return fault === null ? incomplete(bytes.length + 1) : invalid(fault);
  }
  let recordStart = 0;
  let announced = 0;
  let header = 0;
  let headerLength = 0;
  let messageLength = MESSAGE_HEADER;
  for (;;) {
    const fault = recordFault(bytes, recordStart);
    if (fault !== null) return invalid(fault);
    const payloadStart = recordStart + RECORD_HEADER;
    if (payloadStart > bytes.length) return judge(wireLength(recordStart, messageLength - announced), maxBytes);
    const length = ((bytes[recordStart + 3] ?? 0) << 8) | (bytes[recordStart + 4] ?? 0);
    const recordEnd = payloadStart + length;
    if (recordEnd > maxBytes) return judge(recordEnd, maxBytes);
    // The message's header may itself be spread over records.
    for (let at = payloadStart; headerLength < MESSAGE_HEADER && at < recordEnd && at < bytes.length; at++) {
      header = header * 256 + (bytes[at] ?? 0);
      headerLength++;
      if (headerLength === 1 && header !== CLIENT_HELLO) return invalid('not-client-hello');
      if (headerLength === MESSAGE_HEADER) messageLength = MESSAGE_HEADER + (header & 0xffffff);
    }
    announced += length;
    if (announced > messageLength && headerLength === MESSAGE_HEADER) return invalid('record-trailing');
    const needBytes = wireLength(recordEnd, messageLength - announced);
    if (needBytes > maxBytes || recordEnd > bytes.length) return judge(needBytes, maxBytes);
    if (announced === messageLength) {
      const body = recordStart === 0 ? bytes.subarray(RECORD_HEADER + MESSAGE_HEADER, recordEnd) : null;
      return { kind: 'message', body: body ?? reassemble(bytes, recordEnd, messageLength), consumedBytes: recordEnd };
    }
    recordStart = recordEnd;
  }
}

/** Judges as much of a record's header as is there. */
function recordFault(bytes: Uint8Array, start: number): HelloFault | null {
  if (start >= bytes.length) return null;
  if (bytes[start] !== CONTENT_HANDSHAKE) return 'record-type';
  // The minor version says nothing (§5.1); the major one tells TLS from something else.
  if (start + 1 < bytes.length && bytes[start + 1] !== MAJOR_VERSION) return start === 0 ? 'not-tls' : 'record-version';
  if (start + RECORD_HEADER > bytes.length) return null;
  const length = ((bytes[start + 3] ?? 0) << 8) | (bytes[start + 4] ?? 0);
  if (length === 0) return 'record-empty';
  return length > MAX_PLAINTEXT ? 'record-too-long' : null;
}

/** The fewest bytes on the wire that hold `offset` bytes and then so many more of the message, in the largest records. */
function wireLength(offset: number, remaining: number): number {
  return remaining <= 0 ? offset : offset + remaining + RECORD_HEADER * Math.ceil(remaining / MAX_PLAINTEXT);
}

function judge(needBytes: number, maxBytes: number): HandshakeScan {
  if (needBytes <= maxBytes) return incomplete(needBytes);
  return { kind: 'invalid', reason: 'hello_too_large', detail: 'hello-max' };
}

/** Copies the message out of records that were checked before. */
function reassemble(bytes: Uint8Array, end: number, messageLength: number): Uint8Array {
  const message = new Uint8Array(messageLength);
  const reader = new ByteReader(bytes, 0, end);
  let at = 0;
  while (reader.remaining > 0) {
    reader.skip(RECORD_HEADER - 2);
    const fragment = reader.take(reader.u16());
    message.set(fragment, at);
    at += fragment.length;
  }
  return message.subarray(MESSAGE_HEADER);
}

function incomplete(needBytes: number): HandshakeScan {
  return { kind: 'incomplete', needBytes };
}

function invalid(detail: HelloFault): HandshakeScan {
  return { kind: 'invalid', reason: 'hello_invalid', detail };
}
