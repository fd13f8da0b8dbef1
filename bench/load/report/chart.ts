/** A line chart as inline SVG; colours come from the page's style. */
export interface Chart {
  readonly label: string;
  readonly xLabel: string;
  readonly xScale: 'linear' | 'log';
  readonly series: readonly Series[];
  /** Horizontal lines, such as a gate. */
  readonly guides: readonly { readonly y: number; readonly label: string }[];
  readonly formatX: (x: number) => string;
  readonly formatY: (y: number) => string;
}

export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

const WIDTH = 640;
const HEIGHT = 240;
/** Right of the plot is room for the names of series and guides. */
const PLOT = { left: 76, top: 14, right: WIDTH - 130, bottom: HEIGHT - 44 };
const LABEL_HEIGHT = 14;
/** Classes of colours in the page's style. */
const COLOURS = 6;

/** The vertical axis starts at 0, so that lengths compare as the figures do. */
export function chartSvg(chart: Chart): string {
  const xs = chart.series.flatMap(({ points }) => points.map(([x]) => x));
  const ys = [...chart.series.flatMap(({ points }) => points.map(([, y]) => y)), ...chart.guides.map(({ y }) => y)];
  const x = scaleX(xs, chart.xScale);
  const top = Math.max(...ys, Number.MIN_VALUE) * 1.08;
  const y = (value: number): number => PLOT.bottom - ((PLOT.bottom - PLOT.top) * Math.max(value, 0)) / top;
  const spots = spread([
    ...chart.series.map(({ name, points }, index) => ({
      at: y(points.at(-1)?.[1] ?? 0),
      text: name,
      style: `c${index % COLOURS}`,
    })),
    ...chart.guides.map((guide) => ({ at: y(guide.y), text: guide.label, style: 'guide' })),
  ]);
  return [
    `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeHtml(chart.label)}">`,
    axis(chart, [...new Set(xs)], x, y, top),
    ...chart.guides.map((guide) => line(PLOT.left, y(guide.y), PLOT.right, y(guide.y), 'guide')),
    ...chart.series.map((series, index) => seriesSvg(chart, series, `c${index % COLOURS}`, x, y)),
    ...spots.map(({ at, text, style }) => label(PLOT.right + 8, at + 4, text, `${style} name`)),
    '</svg>',
  ].join('\n');
}

export function escapeHtml(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  };
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? '');
}

type Place = (value: number) => number;

function scaleX(xs: readonly number[], kind: Chart['xScale']): Place {
  const of = kind === 'log' ? Math.log10 : (value: number): number => value;
  const [low, high] = [of(Math.min(...xs)), of(Math.max(...xs))];
  const middle = (PLOT.left + PLOT.right) / 2;
  if (!(high > low)) return () => middle;
  return (value) => PLOT.left + 12 + ((PLOT.right - PLOT.left - 24) * (of(value) - low)) / (high - low);
}

function axis({ xLabel, formatX, formatY }: Chart, xs: readonly number[], x: Place, y: Place, top: number): string {
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((part) => (top / 1.08) * part);
  return [
    ...ticks.map((value) => line(PLOT.left, y(value), PLOT.right, y(value), 'grid')),
    ...ticks.map((value) => label(PLOT.left - 6, y(value) + 4, formatY(value), 'tick end')),
    ...xs.map((value) => label(x(value), PLOT.bottom + 16, formatX(value), 'tick middle')),
    label((PLOT.left + PLOT.right) / 2, HEIGHT - 8, xLabel, 'tick middle'),
  ].join('\n');
}

function seriesSvg({ formatX, formatY }: Chart, { name, points }: Series, style: string, x: Place, y: Place): string {
  const path = points.map(([px, py]) => `${round(x(px))},${round(y(py))}`).join(' ');
  const dots = points.map(([px, py]) => {
    const title = escapeHtml(`${name}, ${formatX(px)}: ${formatY(py)}`);
    return `<circle class="${style}" cx="${round(x(px))}" cy="${round(y(py))}" r="4"><title>${title}</title></circle>`;
  });
  return [`<polyline class="${style}" points="${path}"/>`, ...dots].join('\n');
}

interface Spot {
  readonly at: number;
  readonly text: string;
  readonly style: string;
}

/** Moves labels down where they would lie on one another. */
function spread(spots: readonly Spot[]): Spot[] {
  let free = 0;
  return spots
    .toSorted((a, b) => a.at - b.at)
    .map((spot) => {
      const at = Math.max(spot.at, free);
      free = at + LABEL_HEIGHT;
      return { ...spot, at };
    });
}

function line(x1: number, y1: number, x2: number, y2: number, style: string): string {
  return `<line class="${style}" x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}"/>`;
}

function label(x: number, y: number, text: string, style: string): string {
  return `<text class="${style}" x="${round(x)}" y="${round(y)}">${escapeHtml(text)}</text>`;
}

function round(value: number): string {
  return value.toFixed(1);
}
