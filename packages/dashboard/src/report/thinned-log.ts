import { readMetric } from '@convoy/protocol/metric';
import type { RunEvent } from '@convoy/protocol/run-events';

type StepEvent = Extract<RunEvent, { readonly type: 'step' }>;

/** Lines of a log that were kept, in their order. */
export interface ThinnedLog {
  readonly lines: readonly string[];
  /** Steps in the log, and those among them that were kept. */
  readonly steps: number;
  readonly keptSteps: number;
}

export interface Limits {
  /** So many steps are kept, or a few less. */
  readonly steps: number;
  /** Of every other kind of event, the newest so many. */
  readonly ofAKind: number;
}

/** What a chart shows the least and the greatest of. */
const QUANTITIES: readonly ((step: StepEvent) => number | null)[] = [
  ({ loss }) => loss,
  (step) => readMetric(step).value,
  ({ gradientNorm }) => gradientNorm,
  ({ stepMs }) => stepMs,
];
/** Each quantity's least and greatest, and the stretch's last step. */
const KEPT_OF_A_STRETCH = 2 * QUANTITIES.length + 1;

/**
 * Leaves out steps of a log that has too many, never by chance: the steps fall into stretches of equally many, and of each stretch
 * remain the steps with the least and the greatest figures, and the last. Lines that are no events remain.
 */
export function thinnedLog(lines: readonly string[], { steps: most, ofAKind }: Limits): ThinnedLog {
  const steps: { readonly line: number; readonly event: StepEvent }[] = [];
  const others = new Map<string, number[]>();
  const kept = new Set<number>();
  for (const [line, text] of lines.entries()) {
    const event = eventOf(text);
    if (event === null) kept.add(line);
    else if (event.type === 'step') steps.push({ line, event });
    else (others.get(event.type) ?? others.set(event.type, []).get(event.type)!).push(line);
  }
  for (const of of others.values()) for (const line of of.slice(-ofAKind)) kept.add(line);
  const width = steps.length <= most ? 1 : Math.ceil((steps.length * KEPT_OF_A_STRETCH) / most);
  let keptSteps = 0;
  for (let start = 0; start < steps.length; start += width) {
    const wanted = new Set(extremesOf(steps.slice(start, start + width)));
    for (const line of wanted) kept.add(line);
    keptSteps += wanted.size;
  }
  return { lines: lines.filter((_, line) => kept.has(line)), steps: steps.length, keptSteps };
}

function extremesOf(stretch: readonly { readonly line: number; readonly event: StepEvent }[]): readonly number[] {
  const lines = [stretch.at(-1)!.line];
  for (const quantity of QUANTITIES) {
    let least = stretch[0]!;
    let greatest = least;
    for (const each of stretch) {
      const value = quantity(each.event);
      // What was not finite is null.
      if (value === null) continue;
      if (value < (quantity(least.event) ?? Infinity)) least = each;
      if (value > (quantity(greatest.event) ?? -Infinity)) greatest = each;
    }
    lines.push(least.line, greatest.line);
  }
  return lines;
}

function eventOf(text: string): RunEvent | null {
  try {
    return JSON.parse(text) as RunEvent;
  } catch {
    return null;
  }
}
