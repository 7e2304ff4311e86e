import { describe, expect, it } from 'vitest';
import type { EvaluationResult } from '@convoy/protocol/messages';
import { testConfig } from '@convoy/training/config.fixture';
import type { EvaluationTask } from '@convoy/training/coordinator/events';
import { faultOf, Plausibility } from './results.ts';

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

describe('faultOf a loss', () => {
  it('finds a sum that no float32 losses add up to, and lets infinity by, which a diverging run has', () => {
    const expected = { config, plan, metric: 'accuracy', gradientBytes: 4 } as const;
    expect(faultOf({ ...evaluated(1), lossSum: 1e308 }, task, expected)).toBe(
      'a loss of 1.0e+308 over 8 samples: float32 has none as large',
    );
    expect(faultOf({ ...evaluated(1), lossSum: 8 * 3e38 }, task, expected)).toBeNull();
    expect(faultOf({ ...evaluated(1), lossSum: Infinity }, task, expected)).toBeNull();
    const regression = { ...expected, metric: 'meanAbsoluteError' } as const;
    expect(faultOf(evaluated(1e300), task, regression)).toBe('absolute errors of 1.0e+300 over 8 samples');
  });
});

describe('Plausibility', () => {
  const sums = { samples: 8, lossSum: 1, metricSum: 2 };
  const step = { kind: 'gradient' } as const;
  const evaluation = { kind: 'evaluation' } as const;

  it('does not believe losses or errors that are not finite or negative unasked', () => {
    const plausibility = new Plausibility('accuracy');
    expect(plausibility.suspicionOfSums(sums, step)).toBeNull();
    expect(plausibility.suspicionOfSums({ ...sums, lossSum: NaN }, step)).toBe('its loss is not finite');
    expect(plausibility.suspicionOfSums({ ...sums, metricSum: Infinity }, step)).toBe('its metric is not finite');
    expect(plausibility.suspicionOfSums({ ...sums, metricSum: -1 }, step)).toBe('its metric is negative');
  });

  it('asks about a cross-entropy that hardly any logits give, before it knows any other', () => {
    const plausibility = new Plausibility('accuracy');
    expect(plausibility.suspicionOfSums({ ...sums, lossSum: 8 * 9_999 }, step)).toBeNull();
    expect(plausibility.suspicionOfSums({ ...sums, lossSum: 8 * 10_001 }, step)).toBe(
      'its loss is 1.0e+4 a sample, where 1.0e+4 is much',
    );
    expect(new Plausibility('meanAbsoluteError').suspicionOfSums({ ...sums, lossSum: 8e9 }, step)).toBeNull();
  });

  it('asks about an evaluation that is ten times as bad as any step was, and about a step a thousand times', () => {
    const plausibility = new Plausibility('meanAbsoluteError');
    plausibility.noteCommitted(1, { samples: 8, lossSum: 16, metricSum: 8 });
    expect(plausibility.suspicionOfSums({ ...sums, lossSum: 8 * 19 }, evaluation)).toBeNull();
    expect(plausibility.suspicionOfSums({ ...sums, lossSum: 8 * 21 }, evaluation)).toContain('its loss is 2.1e+1');
    expect(plausibility.suspicionOfSums({ ...sums, metricSum: 8 * 11 }, evaluation)).toContain('its error is 1.1e+1');
    expect(plausibility.suspicionOfSums({ ...sums, lossSum: 8 * 1_999 }, step)).toBeNull();
    expect(plausibility.suspicionOfSums({ ...sums, lossSum: 8 * 2_001 }, step)).toContain('its loss is 2.0e+3');
  });

  it('asks about an accuracy that leaps up or down over many samples', () => {
    const plausibility = new Plausibility('accuracy');
    const found = (accuracy: number) => ({ samples: 100, lossSum: 100, metricSum: 100 * accuracy });
    expect(plausibility.suspicionOfSums(found(1), evaluation)).toBeNull();
    plausibility.noteCommitted(1, found(0.2));
    expect(plausibility.suspicionOfSums(found(0.6), evaluation)).toBeNull();
    expect(plausibility.suspicionOfSums(found(1), evaluation)).toBe('its accuracy is 1.00, where it was 0.20 before');
    plausibility.noteEvaluated(found(0.6));
    plausibility.noteCommitted(1, found(0.2));
    expect(plausibility.suspicionOfSums(found(1), evaluation)).toBeNull();
    expect(plausibility.suspicionOfSums(found(0), evaluation)).toContain('its accuracy is 0.00');
  });
});
