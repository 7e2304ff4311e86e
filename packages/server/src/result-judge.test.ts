import { expect, it } from 'vitest';
import type { Dataset } from '@convoy/model/dataset';
import { gradientArithmetic } from '@convoy/numerics/gradient-arithmetic';
import type { EvaluationDetails } from '@convoy/protocol/evaluation-details';
import type { EvaluationResult } from '@convoy/protocol/messages';
import { testConfig } from '@convoy/training/config.fixture';
import type { EvaluationTask } from '@convoy/training/coordinator/events';
import { DetailsGathering } from '@convoy/training/evaluation/details';
import { RunFigures } from '@convoy/training/figures';
import { Predictions } from './predictions.ts';
import { ResultJudge } from './result-judge.ts';
import { Plausibility } from './results.ts';
import { SumBuffers } from './task-sums.ts';
import type { ServedTraining } from './training.ts';

const config = testConfig({ validationSplit: 0.5, evaluationBatchSize: 8 });
const plan = { trainSamples: 8, validationSamples: 8, testSamples: 0, stepsPerEpoch: 1, totalSteps: 1 };
const task: EvaluationTask = { kind: 'evaluation', id: 0, step: 1, epoch: 0, purpose: 'validation', leaves: 1 };
const model = { parameterCount: 1, trainableCount: 1 };
const gradients = gradientArithmetic('float32', model);
const ARRIVED = { rank: 0, atMs: 1 };
const dataset = { inputShape: [1], inputType: 'uint8', classNames: ['a', 'b'] } as unknown as Dataset;

function judgeWith(isShowing: boolean) {
  const predictions = new Predictions({
    ...{ dataset, model: { loss: 'sparseCategoricalCrossentropy', outputs: 2 }, config, plan, gradientBytes: 4 },
    ...{ logged: { keys: new Set(), bytes: 0 }, onNote: () => {} },
  });
  const training = {
    ...{
      config,
      plan,
      trainableCount: 1,
      figures: new RunFigures('r', plan),
      plausibility: new Plausibility('accuracy'),
    },
    predictions: isShowing ? predictions : null,
  } as unknown as ServedTraining;
  return new ResultJudge({ training, gradients, buffers: new SumBuffers(1) });
}

/** What a worker says that recognises the first seven of eight. */
function detailsOfSeven(): EvaluationDetails {
  const gathering = new DetailsGathering({ classes: 2, outputs: 2, samples: 8 });
  const labels_N = new Int32Array(8);
  const classes_N = Int32Array.of(0, 0, 0, 0, 0, 0, 0, 1);
  gathering.add({
    first: 0,
    labels_N,
    classes_N,
    losses_N: new Float32Array(8),
    saidOf: () => Float64Array.of(0.5, 0.5),
  });
  return gathering.details;
}

const resultOf = (metricSum: number, details?: EvaluationDetails): EvaluationResult => ({
  ...{ type: 'evaluation-result', run: 'r', incarnation: 'i', task: 0, step: 1, block: { start: 0, size: 1 } },
  ...{ samples: 8, lossSum: 1, metricSum, computeMs: 1 },
  ...(details === undefined ? {} : { details }),
});

it('takes an evaluation with the details that it was asked for, and finds the fault of one without or with others', () => {
  const judge = judgeWith(true);
  const details = detailsOfSeven();
  expect(judge.judge(resultOf(7, details), task, ARRIVED)).toMatchObject({
    fault: null,
    delivery: { metricSum: 7, details },
  });
  expect(judge.judge(resultOf(7), task, ARRIVED)).toEqual({ fault: 'an evaluation without its details' });
  expect(judge.judge(resultOf(6, details), task, ARRIVED)).toEqual({
    fault: 'a confusion matrix that does not add up to its samples',
  });
  expect(judge.judge(resultOf(7, { ...details, worst: [] }), task, ARRIVED)).toEqual({
    fault: 'another number of worst samples',
  });
});

it('finds the fault of details that nobody asked for', () => {
  expect(judgeWith(false).judge(resultOf(7, detailsOfSeven()), task, ARRIVED)).toEqual({
    fault: 'details that nobody asked for',
  });
  expect(judgeWith(false).judge(resultOf(7), task, ARRIVED)).toMatchObject({ fault: null });
});
