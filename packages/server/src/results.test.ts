import { describe, expect, it } from 'vitest';
import type { EvaluationResult } from '@convoy/protocol/messages';
import { testConfig } from '@convoy/training/config.fixture';
import type { EvaluationTask } from '@convoy/training/coordinator/events';
import { faultOf, suspicionOfSums } from './results.ts';

const config = testConfig({ validationSplit: 0.5, evaluationBatchSize: 8 });
const plan = { trainSamples: 8, validationSamples: 8, testSamples: 0, stepsPerEpoch: 1, totalSteps: 1 };
const task: EvaluationTask = { kind: 'evaluation', id: 0, step: 1, epoch: 0, purpose: 'validation', leaves: 1 };

function evaluated(metricSum: number): EvaluationResult {
  const work = { run: 'r', incarnation: 'i', task: 0, step: 1, block: { start: 0, size: 1 } };
  return { type: 'evaluation-result', ...work, samples: 8, lossSum: 1, metricSum, computeMs: 1 };
}

describe('faultOf', () => {
  it.each([9, -1, 0.5, NaN, Infinity])('finds that %d samples can not be correct of eight', (metricSum) => {
    const fault = faultOf(evaluated(metricSum), task, { config, plan, metric: 'accuracy', gradientBytes: 4 });
    expect(fault).toBe(`${metricSum} correct of 8 samples`);
  });

  it.each([9.5, 0, NaN, Infinity])('finds nothing wrong with absolute errors of %d', (metricSum) => {
    const expected = { config, plan, metric: 'meanAbsoluteError', gradientBytes: 4 } as const;
    expect(faultOf(evaluated(metricSum), task, expected)).toBeNull();
  });
});

describe('suspicionOfSums', () => {
  it('does not believe losses or errors that are not finite or negative unasked', () => {
    const sums = { samples: 8, lossSum: 1, metricSum: 2 };
    expect(suspicionOfSums(sums)).toBeNull();
    expect(suspicionOfSums({ ...sums, lossSum: NaN })).toBe('its loss is not finite');
    expect(suspicionOfSums({ ...sums, metricSum: Infinity })).toBe('its metric is not finite');
    expect(suspicionOfSums({ ...sums, metricSum: -1 })).toBe('its metric is negative');
  });
});
