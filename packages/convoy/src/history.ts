import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { exitCodes, OperatorError } from '@convoy/protocol/errors';
import { fileError } from '@convoy/protocol/file-error';
import { metricFigure, readMetric, type MetricFigure, type MetricName } from '@convoy/protocol/metric';
import type { RunEvent } from '@convoy/protocol/run-events';
import { readConfig } from '@convoy/run-store/run-folder';

/** What was measured of samples: means, NaN when they were not finite. */
export type Figures = { readonly loss: number } & MetricFigure;

/** Figures of a run after some step of it: commits and skipped steps so far. */
export type Measured = { readonly step: number } & Figures;

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
}

/**
 * The history in a run's folder. The run may be going on: a line that is not yet whole is left out.
 * @throws OperatorError when the folder is no run's, or its log is not what was written.
 */
export function readHistory(folder: string): History {
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
  const events = lines.slice(0, -1).map((line, index) => {
    try {
      return JSON.parse(line) as RunEvent;
    } catch (cause) {
      const what = `${path} is damaged in line ${index + 1}: remove that line, or restore the log from a copy`;
      throw new OperatorError(what, { exitCode: exitCodes.data, cause });
    }
  });
  return foldHistory(events);
}

/**
 * Folds a run's events over its restarts: a resumed run goes on from its checkpoint's step, and what was measured after
 * that is measured again. The last word for each step counts.
 */
export function foldHistory(events: readonly RunEvent[]): History {
  let run = '';
  let totalSteps = 0;
  let stepsPerEpoch = 1;
  const steps = new Map<number, Measured>();
  const epochs = new Map<number, Measured & { readonly seconds: number }>();
  const validations = new Map<number, Measured>();
  const tests = new Map<number, Measured>();
  for (const event of events) {
    switch (event.type) {
      case 'run-started':
        ({ run, totalSteps, stepsPerEpoch } = event);
        break;
      case 'run-resumed':
        ({ totalSteps, stepsPerEpoch } = event);
        for (const measured of [steps, epochs, validations, tests]) takeBack(measured, event.step);
        break;
      case 'step':
        steps.set(event.step, measuredBy(event));
        break;
      case 'epoch-ended':
        epochs.set(event.step, { ...measuredBy(event), seconds: event.seconds });
        break;
      case 'evaluated':
        (event.purpose === 'test' ? tests : validations).set(event.step, measuredBy(event));
        break;
    }
  }
  const all = [steps, epochs, validations, tests].flatMap((measured) => [...measured.values()]);
  return {
    run,
    metric: all[0] === undefined ? 'accuracy' : readMetric(all[0]).name,
    totalSteps,
    stepsPerEpoch,
    steps: [...steps.values()],
    epochs: [...epochs.values()],
    validations: [...validations.values()],
    test: [...tests.values()].at(-1) ?? null,
  };
}

function takeBack(measured: Map<number, Measured>, after: number): void {
  for (const step of measured.keys()) if (step > after) measured.delete(step);
}

/** JSON has no NaN or infinity: the log says null. */
function measuredBy(event: { readonly step: number; readonly loss: number | null } & MetricFigure): Measured {
  const { name, value } = readMetric(event);
  return { step: event.step, loss: event.loss ?? NaN, ...metricFigure(name, (value as number | null) ?? NaN) };
}
