import type { Metric } from './model.ts';
import type { Sample } from './results.ts';
import { cpuUsPerUnit, unitsPerSecond, type Spread } from './statistics.ts';

export function ratio(value: number): string {
  return value.toFixed(2);
}

/** Median (min–max). */
export function ratios({ median, min, max }: Spread): string {
  return `${ratio(median)} (${ratio(min)}–${ratio(max)})`;
}

/** What a scenario counts, with its unit. */
export function amount(value: number, metric: Metric, unit: string): string {
  switch (metric) {
    case 'cpu':
      return `${time(value)}/${unit}`;
    case 'memory':
      return bytes(value);
    case 'latency':
    case 'time':
      return time(value);
    default:
      return metric satisfies never;
  }
}

export function rate(unitsPerSecond: number, unit: string): string {
  return `${threeDigits(unitsPerSecond)} ${unit}/s`;
}

export function bytes(value: number): string {
  if (Math.abs(value) < 1024) return `${threeDigits(value)} B`;
  return Math.abs(value) < 1024 ** 2 ? `${threeDigits(value / 1024)} KiB` : `${threeDigits(value / 1024 ** 2)} MiB`;
}

/** One sample, for progress. */
export function formatFigures(sample: Sample, unit: string): string {
  const parts = [
    `${time(cpuUsPerUnit(sample))}/${unit} of CPU`,
    rate(unitsPerSecond(sample), unit),
    bytes(sample.memoryBytes),
  ];
  return [...parts, ...(sample.timedUs === null ? [] : [time(sample.timedUs)])].join(', ');
}

function time(us: number): string {
  return us < 1000 ? `${threeDigits(us)} µs` : `${threeDigits(us / 1000)} ms`;
}

function threeDigits(value: number): string {
  return Math.abs(value) >= 1000 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}
