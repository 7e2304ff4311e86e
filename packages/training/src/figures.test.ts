import { describe, expect, it } from 'vitest';
import * as v from 'valibot';
import { NO_FIGURES } from './callbacks/monitor.ts';
import type { EvaluationTask, GradientTask } from './coordinator/events.ts';
import { FiguresSnapshotSchema, RunFigures } from './figures.ts';

/** Two epochs of three steps. */
const plan = { trainSamples: 12, validationSamples: 4, testSamples: 4, stepsPerEpoch: 3, totalSteps: 6 };

const gradient = (step: number): GradientTask => ({
  kind: 'gradient',
  id: step,
  step,
  epoch: Math.floor(step / 3),
  leaves: 2,
  attempt: 1,
});
const evaluation = (step: number, purpose: 'validation' | 'test' = 'validation'): EvaluationTask => ({
  kind: 'evaluation',
  id: 100 + step,
  step,
  epoch: Math.floor((step - 1) / 3),
  purpose,
  leaves: 1,
});
const tally = (step: number) => ({ samples: 4, lossSum: 1 / (step + 3), metricSum: step % 4 });

/** What happens in a run, a function of the time at which the task opened; every task takes `ms`. */
type Happening = (figures: RunFigures, nowMs: number) => unknown;
const step =
  (number: number, ms = 7): Happening =>
  (figures, now) => (figures.taskOpened(now), figures.committed(gradient(number), tally(number), now + ms));
const skip: Happening = (figures, now) => (figures.taskOpened(now), figures.stepSkipped(now + 7));
const validate =
  (number: number, correct: number): Happening =>
  (figures, now) => (
    figures.taskOpened(now),
    figures.evaluated(evaluation(number), { samples: 4, lossSum: 2, metricSum: correct }, now + 7)
  );

const RUN: readonly Happening[] = [step(0), step(1), skip, validate(3, 3), step(3), step(4), step(5), validate(6, 2)];

describe('RunFigures', () => {
  it.each(RUN.map((_, at) => at))('counts on from a snapshot before task %d as if it had never stopped', (at) => {
    const play = (figures: RunFigures, from: number, to: number, startMs: number) => {
      let result: unknown;
      for (let i = from; i < to; i++) result = RUN[i]!(figures, startMs + 7 * (i - from));
      return result;
    };
    const steady = new RunFigures('r', plan);
    steady.workerJoined(1000, 2);
    const lastSteady = play(steady, 0, RUN.length, 1000);

    const first = new RunFigures('r', plan);
    first.workerJoined(1000, 2);
    play(first, 0, at, 1000);
    const kept: unknown = JSON.parse(JSON.stringify(first.snapshot(1000 + 7 * at)));
    // What the lost process did after its checkpoint counts for nothing.
    play(first, at, RUN.length, 1000 + 7 * at);
    const second = new RunFigures('r', plan, v.parse(FiguresSnapshotSchema, kept));
    second.workerJoined(90_000, 1);
    const lastResumed = play(second, at, RUN.length, 90_000);

    expect(lastResumed).toEqual(lastSteady);
    const endMs = 7 * RUN.length;
    expect(second.summary('completed', 'sha', 90_000 + endMs - 7 * at)).toEqual(
      steady.summary('completed', 'sha', 1000 + endMs),
    );
    expect(second.bestValidation).toEqual(steady.bestValidation);
    expect(second.summary('completed', 'sha', 90_000 + endMs - 7 * at)).toMatchObject({
      steps: 6,
      skippedSteps: 1,
      samplesApplied: 20,
      workers: 2,
      validationAccuracy: 0.5,
      seconds: 0.056,
    });
    expect(second.summary('completed', 'sha', 0)).not.toHaveProperty('testMeanAbsoluteError');
  });

  it('ends an epoch whose last step was skipped, with the totals of those applied', () => {
    const figures = new RunFigures('r', plan);
    figures.workerJoined(0, 1);
    step(0)(figures, 0);
    step(1)(figures, 7);
    expect(skip(figures, 14)).toEqual({
      stepMs: 7,
      epochEnd: { epoch: 0, step: 3, loss: (1 / 3 + 1 / 4) / 8, accuracy: 1 / 8, seconds: 0.021 },
    });
    expect(step(3)(figures, 21)).toEqual({ stepMs: 7, epochEnd: null });
  });

  it('has no means for an epoch of skipped steps', () => {
    const figures = new RunFigures('r', plan);
    figures.workerJoined(0, 1);
    for (const _ of [0, 1, 2]) expect(skip(figures, 0)).toEqual({ stepMs: 7, epochEnd: null });
  });

  it('knows the best validation, of equals the first, and whether the present parameters have one', () => {
    const figures = new RunFigures('r', plan);
    figures.workerJoined(0, 1);
    validate(3, 3)(figures, 0);
    validate(6, 3)(figures, 0);
    expect(figures.bestValidation).toMatchObject({ step: 3, accuracy: 0.75 });
    expect(figures.validationNow).toEqual({ validationAccuracy: null });
    step(2)(figures, 0);
    validate(3, 1)(figures, 0);
    expect(figures.validationNow).toEqual({ validationAccuracy: 0.25 });
    step(3)(figures, 0);
    expect(figures.validationNow).toEqual({ validationAccuracy: null });
  });

  it('has errors for the accuracies of a regression, and the lowest is the best, also from a snapshot', () => {
    const figures = new RunFigures('r', plan, null, 'meanAbsoluteError');
    figures.workerJoined(0, 1);
    for (const sum of [NaN, 8, 2, 6]) validate(3, sum)(figures, 0);
    figures.evaluated(evaluation(3, 'test'), { samples: 4, lossSum: Infinity, metricSum: Infinity }, 0);
    step(2)(figures, 0);
    const kept: unknown = JSON.parse(JSON.stringify(figures.snapshot(0), (_, x) => (x === Infinity ? 'Infinity' : x)));
    const resumed = new RunFigures('r', plan, v.parse(FiguresSnapshotSchema, kept), 'meanAbsoluteError');
    for (const these of [figures, resumed]) {
      expect(these.bestValidation).toMatchObject({ meanAbsoluteError: 0.5 });
      expect(these.bestValidation).not.toHaveProperty('accuracy');
      expect(these.validationNow).toEqual({ validationAccuracy: null, validationMeanAbsoluteError: 1.5 });
      expect(these.summary('completed', 'sha', 0)).toMatchObject({
        testAccuracy: null,
        testMeanAbsoluteError: Infinity,
        validationAccuracy: null,
        validationMeanAbsoluteError: 1.5,
      });
    }
    resumed.restored({ ...NO_FIGURES, epoch: 0, val_loss: 0.25, val_mean_absolute_error: 0.5 });
    expect(resumed.validationNow).toEqual({ validationAccuracy: null, validationMeanAbsoluteError: 0.5 });
  });

  it('leave a pause out of every duration', () => {
    const figures = new RunFigures('r', plan);
    figures.paused(0);
    figures.workerJoined(1_000, 1);
    figures.taskOpened(1_000);
    figures.unpaused(5_000);
    expect(figures.committed(gradient(0), tally(0), 5_007).stepMs).toBe(7);
    figures.taskOpened(5_007);
    figures.paused(5_007);
    expect(figures.snapshot(9_000).activeMs).toBe(7);
    figures.unpaused(10_007);
    expect(figures.committed(gradient(1), tally(1), 10_014).stepMs).toBe(7);
    expect(figures.summary('completed', '', 10_014)).toMatchObject({ seconds: 0.014, samplesPerSecond: 8_000 / 14 });
  });
});
