import { durationText, progressBar } from '@convoy/infra/progress-bar';
import type { Colors } from '../colors.ts';
import { columnsOf, cut, padEnd, padStart } from './columns.ts';

/** How far something is. */
export interface Progress {
  /** What is being done. */
  readonly label: string;
  /** What is done of all that is to be done, 0 to 1. */
  readonly fraction: number;
  /** Null while it is not known. */
  readonly secondsLeft: number | null;
  /** More about it, where there is room. */
  readonly detail?: string;
}

const LEAST_BAR = 8;
/** Longer ones say no more. */
const LONGEST_BAR = 60;
/** So that the bar stays where it is when another thing is done. */
const LABEL_COLUMNS = 10;

/** A line with a bar: `epoch 1/3   ━━━━━━━━━━━╸──────────   54 %  0:42 left`. */
export function progressLine({ label, fraction, secondsLeft, detail = '' }: Progress, columns: number, colors: Colors) {
  const time = secondsLeft === null ? '' : `${durationText(secondsLeft)} left`;
  const name = padEnd(label, LABEL_COLUMNS);
  const percent = padStart(`${(100 * fraction).toFixed(0)} %`, 5);
  const ends = [[percent, detail, time], [percent, time], [percent]].map((parts) =>
    parts.filter((part) => part !== '').join('  '),
  );
  const barColumns = (end: string) => columns - columnsOf(name) - columnsOf(end) - 2;
  const end = ends.find((text) => barColumns(text) >= LEAST_BAR);
  if (end === undefined) return cut(`${label} ${percent.trim()}`, columns);
  const [done, left] = progressBar(fraction, Math.min(LONGEST_BAR, barColumns(end)));
  return `${name} ${colors.cyan(done)}${colors.dim(left)} ${end}`;
}
