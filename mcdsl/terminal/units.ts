const sizeUnits = ['KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;

// Name, size, and the length from which the pair of units below would round up to one of this: no 59m60s.
const durationUnits = [
  ['d', 86_400_000, 86_370_000],
  ['h', 3_600_000, 3_599_500],
  ['m', 60_000, 59_950],
  ['s', 1000, 1000],
] as const;

/** A size for people: `0 B`, `1.5 KiB`, `64 MiB`. */
export function formatSize(bytes: number): string {
  if (!Number.isFinite(bytes)) return '-';
  if (Math.abs(bytes) < 1024) return `${Math.round(bytes)} B`;
  let value = bytes / 1024;
  let unit = 0;
  // 1023.95 would print as 1024.0: the next unit begins where rounding does.
  while (Math.abs(value) >= 1023.95 && unit < sizeUnits.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${shortDecimal(value)} ${sizeUnits[unit] ?? 'PiB'}`;
}

/** A duration for people, at most two units: `0s`, `3ms`, `1.5s`, `2m5s`, `3d4h`. Takes milliseconds. */
export function formatDuration(durationMs: number): string {
  if (!Number.isFinite(durationMs)) return '-';
  const sign = durationMs < 0 ? '-' : '';
  const ms = Math.abs(durationMs);
  if (ms < 0.5) return '0s';
  if (ms < 999.5) return `${sign}${Math.round(ms)}ms`;
  if (ms < 59_950) return `${sign}${shortDecimal(ms / 1000)}s`;
  return sign + twoUnits(ms);
}

function twoUnits(ms: number): string {
  const first = durationUnits.findIndex(([, , from]) => ms >= from);
  const [name, size] = durationUnits[first] ?? durationUnits[2];
  const [smallName, smallSize] = durationUnits[first + 1] ?? durationUnits[3];
  const total = Math.round(ms / smallSize);
  const per = size / smallSize;
  const rest = total % per;
  return `${Math.floor(total / per)}${name}${rest === 0 ? '' : `${rest}${smallName}`}`;
}

function shortDecimal(value: number): string {
  const text = value.toFixed(1);
  return text.endsWith('.0') ? text.slice(0, -2) : text;
}
