import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { RunEvent, RunSummary } from '@convoy/protocol/run-events';
import { median } from '@convoy/training/health/verdict';

/** A log is looked at this often. */
const LOOK_EVERY_MS = 20;

/** The events of a run so far; none before it has begun. A last line that is being written is left out. */
export function eventsSoFar(runFolder: string): RunEvent[] {
  let text: string;
  try {
    text = readFileSync(join(runFolder, 'events.jsonl'), 'utf8');
  } catch {
    return [];
  }
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as RunEvent);
}

/** Waits until a run's log has an event that fits, after the first `after` events. @returns it. */
export function eventOf<Type extends RunEvent['type']>(
  runFolder: string,
  type: Type,
  fits: (event: Extract<RunEvent, { type: Type }>) => boolean = () => true,
  after = 0,
): Promise<Extract<RunEvent, { type: Type }>> {
  return new Promise((resolve) => {
    const look = setInterval(() => {
      for (const event of eventsSoFar(runFolder).slice(after)) {
        if (event.type !== type || !fits(event as Extract<RunEvent, { type: Type }>)) continue;
        clearInterval(look);
        resolve(event as Extract<RunEvent, { type: Type }>);
        return;
      }
    }, LOOK_EVERY_MS);
  });
}

/** The process that serves a run: not its launcher, which could be killed without it. */
export function serverPid(runFolder: string): number {
  const folder = join(runFolder, 'lock');
  const numbers = readdirSync(folder).flatMap((name) => /^(\d+)\.json$/.exec(name)?.[1] ?? []);
  const newest = Math.max(...numbers.map(Number));
  return (JSON.parse(readFileSync(join(folder, `${newest}.json`), 'utf8')) as { pid: number }).pid;
}

/** Whatever befell a run, its result is that of the other. */
export function expectSameResult(summary: RunSummary, other: RunSummary): void {
  const { parametersSha256, steps, samplesApplied, testLoss, testAccuracy } = other;
  expect(summary).toMatchObject({ parametersSha256, steps, samplesApplied, testLoss, testAccuracy });
}

/** Waits until so many more steps are committed. */
export async function steps(runFolder: string, count: number): Promise<void> {
  const done = eventsSoFar(runFolder).filter(({ type }) => type === 'step').length;
  await eventOf(runFolder, 'step', ({ step }) => step >= done + count);
}

export function medianStepMs(events: readonly RunEvent[]): number {
  return median(events.flatMap((event) => (event.type === 'step' ? [event.stepMs] : [])));
}
