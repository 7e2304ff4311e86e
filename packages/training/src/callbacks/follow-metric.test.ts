import { describe, expect, it } from 'vitest';
import { OperatorError } from '@convoy/protocol/errors';
import { testConfig } from '../config.fixture.ts';
import type { Settings } from '../settings.ts';
import { followMetric } from './follow-metric.ts';

function followed(metric: 'accuracy' | 'meanAbsoluteError', ...layers: readonly Settings[]) {
  return followMetric(testConfig(...layers), metric, layers).callbacks;
}

describe('followMetric', () => {
  it('leaves a classification as it is', () => {
    const layers = [{ callbacks: { earlyStopping: { monitor: 'accuracy' } } }] as const;
    expect(followMetric(testConfig(...layers), 'accuracy', layers)).toEqual(testConfig(...layers));
  });

  it('compares the checkpoints of a regression by their validation loss where nobody chose a figure', () => {
    const layers = [{ callbacks: { modelCheckpoint: { saveBestOnly: true } } }, {}] as const;
    expect(followed('meanAbsoluteError', ...layers).modelCheckpoint).toEqual({
      monitor: 'val_loss',
      mode: 'auto',
      saveBestOnly: true,
    });
  });

  it.each(['val_loss', 'loss', 'val_mean_absolute_error', 'mean_absolute_error'] as const)(
    'leaves a regression %s for every callback',
    (monitor) => {
      const callbacks = { earlyStopping: { monitor }, reduceLROnPlateau: { monitor }, modelCheckpoint: { monitor } };
      expect(followed('meanAbsoluteError', { callbacks })).toEqual(testConfig({ callbacks }).callbacks);
    },
  );

  it.each([
    [
      'meanAbsoluteError',
      { modelCheckpoint: { monitor: 'val_accuracy' } },
      'modelCheckpoint monitors val_accuracy, and this model is measured by its mean absolute error: monitor val_loss or val_mean_absolute_error',
    ],
    [
      'accuracy',
      { reduceLROnPlateau: { monitor: 'mean_absolute_error' } },
      'reduceLROnPlateau monitors mean_absolute_error, and this model is measured by its accuracy: monitor loss or accuracy',
    ],
  ] as const)('tells of a metric that a run measured by %s does not have', (metric, callbacks, line) => {
    expect(() => followed(metric, { callbacks })).toThrow(new OperatorError(line));
  });
});
