import { percent, type MetricName } from '@convoy/protocol/metric';

/** A figure with four significant digits; a dash where there is none. */
export function figure(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  if (value !== 0 && (Math.abs(value) < 1e-3 || Math.abs(value) >= 1e6)) return value.toExponential(2);
  return Math.abs(value) >= 1_000 ? whole(Math.round(value)) : value.toPrecision(4);
}

export function metricFigure(name: MetricName, value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  return name === 'accuracy' ? percent(value) : figure(value);
}

/** `1 h 5 min`, `3 min 20 s`, `12 s`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  const [hours, minutes] = [Math.floor(seconds / 3_600), Math.floor((seconds % 3_600) / 60)];
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${seconds % 60} s` : `${seconds} s`;
}

// Made once: a formatter costs more than what it formats.
const CLOCK = new Intl.DateTimeFormat([], { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false });
const DATE_TIME = new Intl.DateTimeFormat([], { dateStyle: 'medium', timeStyle: 'short', hour12: false });
const NUMBER = new Intl.NumberFormat('en-US');

export function clock(at: number): string {
  return CLOCK.format(at);
}

export function dateTime(at: number): string {
  return DATE_TIME.format(at);
}

/** `12 kB`, `3.6 MB`, `501 MB`. */
export function size(bytes: number | null): string {
  if (bytes === null) return '–';
  if (bytes < 1e6) return `${Math.ceil(bytes / 1e3)} kB`;
  return `${bytes < 1e7 ? (bytes / 1e6).toFixed(1) : whole(Math.round(bytes / 1e6))} MB`;
}

export function whole(value: number): string {
  return NUMBER.format(value);
}

/** `12.5 %`, of an axis. */
export function percentText(share: number): string {
  return `${+(100 * share).toPrecision(4)} %`;
}

export function upperFirst(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
