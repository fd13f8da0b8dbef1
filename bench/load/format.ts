import type { Figures, Spread } from './statistics.ts';

export function ratio(value: number): string {
  return value.toFixed(2);
}

/** Median (min–max). */
export function ratios({ median, min, max }: Spread): string {
  return `${ratio(median)} (${ratio(min)}–${ratio(max)})`;
}

export function cpu({ cpuUsPerUnit }: Figures, unit: string): string {
  return cpuUsPerUnit < 1000
    ? `${threeDigits(cpuUsPerUnit)} µs/${unit}`
    : `${threeDigits(cpuUsPerUnit / 1000)} ms/${unit}`;
}

export function rate({ unitsPerSecond }: Figures, unit: string): string {
  return `${threeDigits(unitsPerSecond)} ${unit}/s`;
}

function threeDigits(value: number): string {
  return value >= 1000 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}
