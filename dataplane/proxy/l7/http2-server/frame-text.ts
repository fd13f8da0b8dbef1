import { encodeField, encodeStatus } from './hpack/encoder.ts';
import { isFieldText } from '../http1/field-lines.ts';
import { headerName } from '../header-kinds.ts';
import { httpDate } from '../http-date.ts';
import { FLAG, FRAME, MAX_FRAME_BYTES } from './protocol.ts';

/** Frames as text, a character a byte: they are small, and what is sent together is joined before it becomes bytes. */

export function frameHead(sizeBytes: number, type: number, flags: number, streamId: number): string {
  return String.fromCharCode(
    sizeBytes >> 16,
    (sizeBytes >> 8) & 0xff,
    sizeBytes & 0xff,
    type,
    flags,
    streamId >>> 24,
    (streamId >> 16) & 0xff,
    (streamId >> 8) & 0xff,
    streamId & 0xff,
  );
}

export function resetFrame(streamId: number, code: number): string {
  return frameHead(4, FRAME.rstStream, 0, streamId) + uint32(code);
}

export function windowUpdateFrame(streamId: number, increment: number): string {
  return frameHead(4, FRAME.windowUpdate, 0, streamId) + uint32(increment);
}

/** `payload`: 8 bytes. */
export function pingFrame(flags: number, payload: string): string {
  return frameHead(payload.length, FRAME.ping, flags, 0) + payload;
}

export function goawayFrame(lastStreamId: number, code: number): string {
  return frameHead(8, FRAME.goaway, 0, 0) + uint32(lastStreamId) + uint32(code);
}

export function settingsFrame(settings: readonly (readonly [id: number, value: number])[]): string {
  let payload = '';
  for (const [id, value] of settings) payload += `\0${String.fromCharCode(id)}${uint32(value)}`;
  return frameHead(payload.length, FRAME.settings, 0, 0) + payload;
}

export const SETTINGS_ACK: string = frameHead(0, FRAME.settings, FLAG.ack, 0);

/** HEADERS, and CONTINUATION where the block is too long for one frame. `flags`: those of HEADERS beside END_HEADERS. */
export function headFrames(streamId: number, flags: number, block: string): string {
  if (block.length <= MAX_FRAME_BYTES) {
    return frameHead(block.length, FRAME.headers, flags | FLAG.endHeaders, streamId) + block;
  }
  let text = frameHead(MAX_FRAME_BYTES, FRAME.headers, flags, streamId) + block.slice(0, MAX_FRAME_BYTES);
  for (let at = MAX_FRAME_BYTES; at < block.length; at += MAX_FRAME_BYTES) {
    const piece = block.slice(at, at + MAX_FRAME_BYTES);
    const isLast = at + MAX_FRAME_BYTES >= block.length;
    text += frameHead(piece.length, FRAME.continuation, isLast ? FLAG.endHeaders : 0, streamId) + piece;
  }
  return text;
}

/** The block of a final response's head. Throws when a field can't be sent. */
export function responseBlock(status: number, fields: readonly string[]): string {
  const block = encodeStatus(status) + fieldBlock(fields);
  for (let i = 0; i < fields.length; i += 2) if (fields[i] === 'date') return block;
  return block + encodeField('date', httpDate());
}

/** The block of trailers, or of a 1xx head behind its status. `fields`: a raw list, names in lower case. Throws like the other. */
export function fieldBlock(fields: readonly string[]): string {
  let block = '';
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] ?? '';
    const value = fields[i + 1] ?? '';
    if (!headerName(name).isToken || !isFieldText(value))
      throw new Error(`field ${JSON.stringify(name)} can't be sent`);
    block += encodeField(name, value);
  }
  return block;
}

function uint32(value: number): string {
  return String.fromCharCode(value >>> 24, (value >> 16) & 0xff, (value >> 8) & 0xff, value & 0xff);
}
