import { describe, expect, it } from 'vitest';
import { resolveConfig } from '@convoy/training/config';
import { recipes } from './recipes.ts';
import { cifar10 } from './workload.ts';

describe('a recipe', () => {
  it("is the lesson's settings by default", () => {
    expect(resolveConfig(cifar10)).toEqual({
      recipe: 'lesson',
      model: 'lesson-cnn',
      dataset: { name: 'cifar10' },
      seed: 42,
      epochs: 30,
      maxSteps: null,
      globalBatchSize: 64,
      microBatchSize: 32,
      evaluationBatchSize: 250,
      validationSplit: 0.15,
      shuffle: true,
      dropout: true,
      augmentation: null,
      labelSmoothing: 0,
      optimizer: {
        name: 'adam',
        learningRate: 1e-3,
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-7,
        weightDecay: 0,
        excludeFromWeightDecay: [],
        clipNorm: null,
      },
      schedule: { name: 'constant', per: 'step', warmup: 0 },
      deterministic: false,
      gradientFormat: 'float32',
      callbacks: {
        earlyStopping: null,
        reduceLROnPlateau: null,
        modelCheckpoint: { monitor: 'val_accuracy', mode: 'auto', saveBestOnly: false },
      },
    });
  });

  it.each(Object.keys(recipes))('called %s resolves to a configuration of a model that there is', (recipe) => {
    const config = resolveConfig(cifar10, { recipe });
    expect(config.recipe).toBe(recipe);
    expect(Object.keys(cifar10.models)).toContain(config.model);
  });
});
