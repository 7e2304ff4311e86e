import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { exitCodes } from '@convoy/protocol/errors';
import type { RunEvent } from '@convoy/protocol/run-events';
import { cifar10 } from '@convoy/cifar10/workload';
import { resolveConfig } from '@convoy/training/config';
import { evaluated, ofRegression, resumed, step } from '../chaos/events.fixture.ts';
import { historyCurves } from './draw-history.ts';
import { foldHistory, readHistory } from '@convoy/convoy/history';
import { historyRows, historyTable } from './history-table.ts';

const started: RunEvent = {
  at: 0,
  type: 'run-started',
  run: 'r',
  incarnation: 'i0',
  totalSteps: 4,
  stepsPerEpoch: 2,
  trainSamples: 64,
  validationSamples: 10,
  testSamples: 100,
  parameterCount: 5,
};
const ended = (after: number, loss: number): RunEvent => ({
  at: after,
  type: 'epoch-ended',
  epoch: after / 2 - 1,
  step: after,
  loss,
  accuracy: 0.25 * after,
  seconds: 3,
});
const validated = (after: number, loss: number): RunEvent => ({
  ...(evaluated(0, after, loss) as Extract<RunEvent, { type: 'evaluated' }>),
  purpose: 'validation',
});
const resumedAt = (from: number): RunEvent => ({ ...(resumed(9, from) as object), stepsPerEpoch: 2 }) as RunEvent;

const wholeRun = [
  started,
  step(1),
  step(2),
  ended(2, 1.5),
  validated(2, 1.6),
  step(3),
  step(4),
  ended(4, 1.2),
  validated(4, 1.4),
  evaluated(0, 4, 1.3),
];

describe('foldHistory', () => {
  it('has a row for each epoch, training beside validation, and the test', () => {
    const history = foldHistory(wholeRun);
    expect(historyRows(history)).toEqual([
      {
        epoch: 1,
        step: 2,
        training: { loss: 1.5, accuracy: 0.5 },
        validation: { loss: 1.6, accuracy: 0.4 },
        seconds: 3,
      },
      {
        epoch: 2,
        step: 4,
        training: { loss: 1.2, accuracy: 1 },
        validation: { loss: 1.4, accuracy: 0.4 },
        seconds: 3,
      },
    ]);
    expect(history.test).toEqual({ step: 4, loss: 1.3, accuracy: 0.4 });
    expect(historyTable(history).split('\n')).toEqual([
      'epoch  step    loss  accuracy  validation loss  validation accuracy  time',
      '    1     2  1.5000   50.00 %           1.6000              40.00 %   3 s',
      '    2     4  1.2000  100.00 %           1.4000              40.00 %   3 s',
      'test after step 4: loss 1.3000, accuracy 40.00 %',
    ]);
  });

  it('counts the last word of a resumed run, and takes back what came after its checkpoint', () => {
    const disturbed = [
      started,
      step(1),
      step(2),
      ended(2, 9),
      validated(2, 9),
      step(3, { loss: 9 }),
      evaluated(0, 3, 9),
      resumedAt(1),
      step(2, { loss: 0.5 }),
      ended(2, 0.4),
      resumedAt(2),
    ];
    const history = foldHistory(disturbed);
    expect(history.steps.map(({ loss }) => loss)).toEqual([2, 0.5]);
    expect(historyRows(history)).toMatchObject([{ epoch: 1, training: { loss: 0.4 }, validation: null }]);
    expect(history.test).toBeNull();
    expect(foldHistory([...disturbed, resumedAt(0)]).steps).toEqual([]);
  });
});

describe('historyCurves', () => {
  const epochs = (count: number) => {
    const steps = Array.from({ length: 2 * count }, (_, n) => n + 1);
    const events = steps.flatMap((at) =>
      at % 2 === 1 ? [step(at)] : [step(at), ended(at, 1.5), validated(at, 3 - at / 10)],
    );
    return [{ ...started, totalSteps: 2 * count } as RunEvent, ...events];
  };

  it('sets epochs, validations and the test at the epochs done, before the steps', () => {
    const curves = historyCurves(foldHistory([...epochs(8), evaluated(0, 16, 1.3)]))!;
    expect(curves).toMatchObject({ title: 'r', unit: 'epoch', test: { at: 8, loss: 1.3 } });
    expect(curves.training.map(({ at }) => at)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(curves.validation.map(({ at, loss }) => [at, loss]).slice(0, 2)).toEqual([
      [1, 2.8],
      [2, 2.6],
    ]);
    expect(curves.steps.map(({ at }) => at).slice(0, 3)).toEqual([0.5, 1, 1.5]);
  });

  it('goes by steps where epochs are few', () => {
    const curves = historyCurves(foldHistory(wholeRun))!;
    expect(curves).toMatchObject({ unit: 'step', test: { at: 4, loss: 1.3 } });
    expect(curves.steps.map(({ at }) => at)).toEqual([1, 2, 3, 4]);
    expect(curves.validation.map(({ at }) => at)).toEqual([2, 4]);
  });

  it('keeps the least and the greatest of the steps that share a pixel, and no more points than there are pixels', () => {
    const steps = Array.from({ length: 20_000 }, (_, n) => step(n + 1, { loss: n === 12_345 ? 9 : 1 + (n % 2) }));
    const curves = historyCurves(foldHistory([started, ...steps]))!;
    expect(curves.steps.length).toBeLessThan(800);
    expect(curves.training.length).toBeLessThan(400);
    expect(curves.steps.filter(({ loss }) => loss === 9)).toHaveLength(1);
    expect(Math.min(...curves.steps.map(({ loss }) => loss))).toBe(1);
    expect(curves.steps.at(-1)!.at).toBe(20_000);
  });

  it('marks where the learning rate was reduced and where a run went back to, unless that was taken back', () => {
    const reduced: RunEvent = {
      ...{ at: 0, type: 'learning-rate-reduced', step: 3, epoch: 1 },
      ...{ from: 1e-3, to: 5e-4, monitor: 'valLoss' as never },
    };
    const wentBack: RunEvent = {
      ...{ at: 0, type: 'rolled-back', fromStep: 4, toStep: 2, kind: 'diverged', since: 3, learningRateFactor: 0.5 },
    };
    const events = [started, step(1), step(2), step(3), reduced, step(4), wentBack, resumedAt(2), step(3)];
    expect(historyCurves(foldHistory(events))!.marks).toEqual([{ at: 2, text: 'back from 4' }]);
    expect(historyCurves(foldHistory(events.slice(0, 6)))!.marks).toEqual([{ at: 3, text: 'rate 0.0005' }]);
  });

  it('goes by steps, and says so, as long as no epoch has ended', () => {
    const curves = historyCurves(foldHistory([started, step(1), validated(1, 2.1), evaluated(0, 1)]))!;
    expect(curves.unit).toBe('step');
    expect(curves.training).toEqual([{ at: 1, loss: 2, metric: 0.5 }]);
    expect(curves.validation).toEqual([{ at: 1, loss: 2.1, metric: 0.4 }]);
    expect(curves.subtitle).toContain('2 an epoch');
  });

  it('goes by steps where one epoch is all: one point is no curve', () => {
    const curves = historyCurves(foldHistory([started, step(1), step(2), ended(2, 1.5), validated(2, 1.6)]))!;
    expect(curves.unit).toBe('step');
    expect(curves.training.map(({ at }) => at)).toEqual([1, 2]);
    expect(curves.validation.map(({ at, loss }) => [at, loss])).toEqual([[2, 1.6]]);
  });

  it('has the mean absolute error of a regression, in table and curves', () => {
    const events = wholeRun.map((event) => ofRegression(event, event.type === 'step' ? Infinity : 0.123456));
    const history = foldHistory(JSON.parse(JSON.stringify(events)) as RunEvent[]);
    expect(historyTable(history).split('\n')).toEqual([
      'epoch  step    loss  mean absolute error  validation loss  validation mean absolute error  time',
      '    1     2  1.5000               0.1235           1.6000                          0.1235   3 s',
      '    2     4  1.2000               0.1235           1.4000                          0.1235   3 s',
      'test after step 4: loss 1.3000, mean absolute error 0.1235',
    ]);
    const curves = historyCurves(history)!;
    expect(curves).toMatchObject({ metric: 'meanAbsoluteError', validation: [{ metric: 0.123456 }, { at: 4 }] });
    expect(curves.subtitle).toContain('test mean absolute error 0.1235, test loss 1.3000');
    expect(history.steps[0]).toEqual({ step: 1, loss: 2, meanAbsoluteError: NaN });
  });

  it('is nothing before the first step', () => {
    expect(historyCurves(foldHistory([started]))).toBeNull();
    expect(historyTable(foldHistory([started]))).toBe('no epoch has ended: 0 of 2 steps are done');
  });
});

describe('readHistory', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'convoy-history-'));
    const config = resolveConfig(cifar10);
    writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
    writeFileSync(join(folder, 'events.jsonl'), wholeRun.map((event) => `${JSON.stringify(event)}\n`).join(''));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('reads what was written, and leaves out a last line that is not whole', () => {
    appendFileSync(join(folder, 'events.jsonl'), JSON.stringify(step(5)).slice(0, 40));
    expect(readHistory(folder)).toEqual(foldHistory(wholeRun));
  });

  it('takes a loss that JSON could not hold for one that is not finite', () => {
    appendFileSync(join(folder, 'events.jsonl'), `${JSON.stringify(step(5, { loss: Infinity }))}\n`);
    expect(readHistory(folder).steps.at(-1)).toEqual({ step: 5, loss: NaN, accuracy: 0.5 });
  });

  it('names the line that is damaged, and the folder that is no run', () => {
    const path = join(folder, 'events.jsonl');
    const line = `${path} is damaged in line 1: remove that line, or restore the log from a copy`;
    for (const damaged of ['{"type":', 'null', '7', '{}']) {
      writeFileSync(path, `${damaged}\n`);
      expect(() => readHistory(folder)).toThrow(expect.objectContaining({ message: line, exitCode: exitCodes.data }));
    }
    expect(() => readHistory(join(folder, 'none'))).toThrow(/is no run's folder/);
  });
});
