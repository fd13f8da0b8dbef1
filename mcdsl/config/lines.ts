import type { Span } from './toml-lexer.ts';
import type { Place } from './types.ts';

/** Turns offsets into lines and columns. */
export interface LineIndex {
  place(span: Span): Place;
  offset(line: number, column: number): number;
}

/** `column` of `offset()` counts UTF-16 units, the places' columns count code points; both from 1. */
export function createLineIndex(file: string, text: string): LineIndex {
  const starts = [0];
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1);

  const lineText = (line: number): string => {
    const start = starts[line - 1] ?? text.length;
    const end = starts[line] ?? text.length + 1;
    return text.slice(start, end - 1).replace(/\r$/, '');
  };

  return {
    place(span) {
      const offset = Math.min(span.offset, text.length);
      const line = lineOf(starts, offset);
      const start = starts[line - 1] ?? 0;
      const content = lineText(line);
      const before = content.slice(0, offset - start);
      const marked = content.slice(offset - start, offset - start + span.length);
      return {
        kind: 'line',
        file,
        line,
        column: codePoints(before) + 1,
        length: Math.max(1, codePoints(marked)),
        text: content,
      };
    },
    offset: (line, column) => Math.min((starts[line - 1] ?? text.length) + column - 1, text.length),
  };
}

function lineOf(starts: readonly number[], offset: number): number {
  let low = 0;
  let high = starts.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((starts[middle] ?? 0) <= offset) low = middle + 1;
    else high = middle;
  }
  return low;
}

function codePoints(text: string): number {
  let count = 0;
  for (const _char of text) count++;
  return count;
}
