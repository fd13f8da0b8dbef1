import type { ResponseHead } from '../response-head.ts';
import { ResponseParser, type ResponseHandler } from '../response-parser.ts';

/** What came of a response, whoever read it. */
export interface Outcome {
  readonly informational: number[];
  status: number;
  fields: readonly string[];
  body: string;
  trailers: readonly string[];
  isComplete: boolean;
  /** Complete, and more bytes came with it. */
  isUnclean: boolean;
  /** Whether the connection may serve another request. */
  isReusable: boolean;
  fault: string | null;
}

export const MAX_HEADER_BYTES = 4096;

/** Reads one response from `pieces`, and the end of the connection after them when `ends`. */
export function parse(pieces: readonly Buffer[], { method = 'GET', ends = false } = {}): Outcome {
  const outcome: Outcome = {
    informational: [],
    status: 0,
    fields: [],
    body: '',
    trailers: [],
    isComplete: false,
    isUnclean: false,
    isReusable: false,
    fault: null,
  };
  let isPersistent = false;
  const handler: ResponseHandler = {
    informed: ({ status }) => void outcome.informational.push(status),
    responded(head: ResponseHead) {
      outcome.status = head.status;
      outcome.fields = head.fields;
      isPersistent = head.isPersistent;
    },
    bodyBytes: (chunk, from, to) => void (outcome.body += chunk.toString('latin1', from, to)),
    completed(trailers, isClean) {
      outcome.trailers = [...trailers];
      outcome.isComplete = true;
      outcome.isUnclean = !isClean;
      outcome.isReusable = isPersistent && isClean;
    },
    switched: (head) => void (outcome.status = head.status),
    broken(fault) {
      outcome.fault = fault;
      outcome.isReusable = false;
    },
  };
  const parser = new ResponseParser(handler, MAX_HEADER_BYTES);
  parser.begin(method);
  for (const piece of pieces) parser.push(piece);
  if (ends) parser.end();
  return outcome;
}

/** Cuts at the given places, whatever their order. */
export function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = [0, ...places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return at.slice(1).map((to, i) => Buffer.from(bytes.subarray(at[i] ?? 0, to)));
}
