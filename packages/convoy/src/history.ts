import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { exitCodes, OperatorError } from '@convoy/protocol/errors';
import { fileError } from '@convoy/protocol/file-error';
import { metricFigure, readMetric, type MetricFigure, type MetricName } from '@convoy/protocol/metric';
import type { MeasuringEvent, RunEvent } from '@convoy/protocol/run-events';
import { readConfig } from '@convoy/run-store/run-folder';

/** What was measured of samples: means, NaN when they were not finite. */
export type Figures = { readonly loss: number } & MetricFigure;

/** Figures of a run after some step of it: commits and skipped steps so far. */
export type Measured = { readonly step: number } & Figures;

/** After this many steps a run went on in another way: at another learning rate, or from a checkpoint after a collapse. */
export interface Turn {
  readonly step: number;
  /** A few words. */
  readonly text: string;
}

/** What a run measured along the chain of steps that its parameters came from. */
export interface History {
  readonly run: string;
  /** What was measured beside the loss; the accuracy while nothing was. */
  readonly metric: MetricName;
  readonly totalSteps: number;
  readonly stepsPerEpoch: number;
  readonly steps: readonly Measured[];
  /** Means over whole epochs' samples as they were trained on. */
  readonly epochs: readonly (Measured & { readonly seconds: number })[];
  readonly validations: readonly Measured[];
  /** Null until the run has been tested. */
  readonly test: Measured | null;
  readonly turns: readonly Turn[];
}

/**
 * The history in a run's folder. The run may be going on: a line that is not yet whole is left out.
 * @throws OperatorError when the folder is no run's, or its log is not what was written.
 */
export function readHistory(folder: string): History {
  return foldHistory(readRunEvents(folder));
}

/** All events in a run's folder, as {@link readHistory} reads them. @throws OperatorError */
export function readRunEvents(folder: string): readonly RunEvent[] {
  // It tells a folder of something else by a better line than a missing log's.
  readConfig(folder);
  const path = join(folder, 'events.jsonl');
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw fileError(cause, `can't read ${path}`, { exitCode: exitCodes.data });
  }
  const lines = text.slice(0, text.lastIndexOf('\n') + 1).split('\n');
  return lines.slice(0, -1).map((line, index) => {
    try {
      return eventOf(line);
    } catch (cause) {
      const what = `${path} is damaged in line ${index + 1}: remove that line, or restore the log from a copy`;
      throw new OperatorError(what, { exitCode: exitCodes.data, cause });
    }
  });
}

/** @throws Error when the line is no event. */
function eventOf(line: string): RunEvent {
  const event = JSON.parse(line) as Partial<RunEvent> | null;
  if (typeof event?.type !== 'string') throw new TypeError('it has no type');
  return event as RunEvent;
}

/** An event that says what an evaluated model is like. */
export type PicturedEvent = Extract<RunEvent, { readonly type: 'predictions' | 'filters' | 'layers' }>;

/**
 * The events with figures that count. A resumed run goes on from its checkpoint's step, and what was measured after that is
 * measured again: the last word for each step counts.
 */
export function countedEvents(events: readonly RunEvent[]): readonly MeasuringEvent[] {
  return lastWords(events, (event) => (isMeasuring(event) ? event : null));
}

/** {@link countedEvents}, and in their places those that say what the evaluated models were like, without the norms between. */
export function countedAndPictured(events: readonly RunEvent[]): readonly (MeasuringEvent | PicturedEvent)[] {
  return lastWords(events, (event) => {
    if (isMeasuring(event) || event.type === 'predictions' || event.type === 'filters') return event;
    return event.type === 'layers' && event.layers.some(({ histogram }) => histogram !== undefined) ? event : null;
  });
}

function isMeasuring(event: RunEvent): event is MeasuringEvent {
  return event.type === 'step' || event.type === 'epoch-ended' || event.type === 'evaluated';
}

/** @param wanted the event itself, or null for one that is left out. */
function lastWords<Wanted extends MeasuringEvent | PicturedEvent>(
  events: readonly RunEvent[],
  wanted: (event: RunEvent) => Wanted | null,
): readonly Wanted[] {
  const counted = new Map<string, Wanted>();
  for (const event of events) {
    if (event.type === 'run-resumed') {
      for (const [key, { step }] of counted) if (step > event.step) counted.delete(key);
    }
    const found = wanted(event);
    if (found === null) continue;
    const key = `${found.type} ${'purpose' in found ? found.purpose : ''} ${found.step}`;
    // Behind what was measured before it.
    counted.delete(key);
    counted.set(key, found);
  }
  return [...counted.values()];
}

/** Folds a run's events over its restarts. */
export function foldHistory(events: readonly RunEvent[]): History {
  let run = '';
  let totalSteps = 0;
  let stepsPerEpoch = 1;
  for (const event of events) {
    if (event.type === 'run-started') ({ run, totalSteps, stepsPerEpoch } = event);
    if (event.type === 'run-resumed') ({ totalSteps, stepsPerEpoch } = event);
  }
  const counted = countedEvents(events);
  const of = (isWanted: (event: MeasuringEvent) => boolean) => counted.filter(isWanted).map(measuredBy);
  const tests = of((event) => event.type === 'evaluated' && event.purpose === 'test');
  return {
    run,
    metric: counted[0] === undefined ? 'accuracy' : readMetric(counted[0]).name,
    totalSteps,
    stepsPerEpoch,
    steps: of(({ type }) => type === 'step'),
    epochs: counted.flatMap((event) =>
      event.type === 'epoch-ended' ? [{ ...measuredBy(event), seconds: event.seconds }] : [],
    ),
    validations: of((event) => event.type === 'evaluated' && event.purpose === 'validation'),
    test: tests.at(-1) ?? null,
    turns: turnsOf(events),
  };
}

/** Those that were not taken back. */
function turnsOf(events: readonly RunEvent[]): readonly Turn[] {
  let turns: Turn[] = [];
  for (const event of events) {
    switch (event.type) {
      case 'run-resumed':
        turns = turns.filter(({ step }) => step <= event.step);
        break;
      case 'learning-rate-reduced':
        turns.push({ step: event.step, text: `rate ${Number(event.to.toPrecision(3))}` });
        break;
      case 'rolled-back':
        turns.push({ step: event.toStep, text: `back from ${event.fromStep}` });
    }
  }
  return turns;
}

/** JSON has no NaN or infinity: the log says null. */
function measuredBy(event: MeasuringEvent): Measured {
  const { name, value } = readMetric(event);
  return {
    step: event.step,
    loss: (event.loss as number | null) ?? NaN,
    ...metricFigure(name, (value as number | null) ?? NaN),
  };
}
