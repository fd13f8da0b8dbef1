import { coloursFor, type Colours, type Paint } from '../terminal/colour.ts';
import type { Place, Problem } from './types.ts';

/**
 * Problems for a terminal or a log: place, message, the line with its mark, and what would be right; then a count.
 * Ends in a line end; empty for no problems.
 */
export function formatProblems(problems: readonly Problem[], colours: Colours = plain): string {
  if (problems.length === 0) return '';
  const blocks = problems.slice(0, maxPrinted).map((problem) => formatProblem(problem, colours));
  const rest = problems.length - blocks.length;
  return `${blocks.join('\n')}\n${countText(problems)}${rest > 0 ? `, of which ${rest} are not shown` : ''}\n`;
}

// More than this are one mistake repeated, e.g. a wrong file.
const maxPrinted = 200;

const plain = coloursFor({}, {});

function formatProblem(problem: Problem, colours: Colours): string {
  const { place, severity, expected, suggestion, related } = problem;
  const signal: Paint = (text) => colours.bold(severity === 'error' ? colours.red(text) : colours.yellow(text));
  const out = [`${colours.bold(placeText(place))}: ${signal(severity)}: ${visible(problem.message)}`];
  if (place.kind === 'line') out.push(...sourceLines(place, colours.dim, signal));
  if (expected !== null) out.push(`  expected: ${visible(expected)}`);
  if (suggestion !== null) out.push(`  did you mean ${colours.green(visible(suggestion))}?`);
  if (related !== null) out.push(`  ${visible(related.message)} at ${placeText(related.place)}`);
  return `${out.join('\n')}\n`;
}

/** `FILE:LINE:COLUMN`, `FILE` or `$VARIABLE`. */
export function placeText(place: Place): string {
  switch (place.kind) {
    case 'line':
      return `${visible(place.file)}:${place.line}:${place.column}`;
    case 'file':
      return visible(place.file);
    case 'variable':
      return `$${visible(place.name)}`;
    default:
      return place satisfies never;
  }
}

const maxShown = 120;

function sourceLines(place: Place & { kind: 'line' }, dim: Paint, signal: Paint): string[] {
  const chars = [...place.text];
  // Of a very long line only the part around the mark.
  const from = place.column - 1 < maxShown ? 0 : place.column - 41;
  const shown = chars.slice(from, from + maxShown);
  const lead = from > 0 ? '…' : '';
  const tail = from + shown.length < chars.length ? '…' : '';
  const markFrom = place.column - 1 - from;
  const length = Math.max(1, Math.min(place.length, shown.length - markFrom));
  // Tabs stay tabs in front of the mark, so that it stands right at any tab width.
  const indent = shown
    .slice(0, markFrom)
    .map((char) => (char === '\t' ? '\t' : ' '))
    .join('');
  const number = String(place.line).padStart(5);
  return [
    `${dim(`${number} |`)} ${lead}${visible(shown.join(''))}${tail}`,
    `${dim(`${' '.repeat(5)} |`)} ${lead === '' ? '' : ' '}${indent}${signal('^'.repeat(length))}`,
  ];
}

/** Control and direction characters could forge what the terminal shows; each becomes one visible sign. */
function visible(text: string): string {
  return text.replace(/(?!\t)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\ufffd');
}

function countText(problems: readonly Problem[]): string {
  const errors = problems.filter((problem) => problem.severity === 'error').length;
  const warnings = problems.length - errors;
  const counts = [count(errors, 'error'), count(warnings, 'warning')].filter((text) => text !== '');
  return counts.join(', ');
}

function count(number: number, word: string): string {
  if (number === 0) return '';
  return `${number} ${word}${number === 1 ? '' : 's'}`;
}
