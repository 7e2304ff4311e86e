import { describe, expect, it } from 'vitest';
import { checkConfig, recipes, resolveConfig } from './config.ts';

const dataset = { name: 'cifar10' } as const;

describe('resolveConfig', () => {
  it("is the lesson's settings by default", () => {
    expect(resolveConfig({ dataset })).toEqual({
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

  it("completes callbacks with Keras's defaults", () => {
    const { callbacks } = resolveConfig({
      dataset,
      callbacks: { earlyStopping: { patience: 3 }, reduceLROnPlateau: { factor: 0.5 } },
    });
    expect(callbacks).toEqual({
      earlyStopping: {
        monitor: 'val_loss',
        mode: 'auto',
        minDelta: 0,
        patience: 3,
        baseline: null,
        restoreBestWeights: false,
        startFromEpoch: 0,
      },
      reduceLROnPlateau: {
        monitor: 'val_loss',
        mode: 'auto',
        factor: 0.5,
        patience: 10,
        minDelta: 1e-4,
        cooldown: 0,
        minLR: 0,
      },
      modelCheckpoint: { monitor: 'val_accuracy', mode: 'auto', saveBestOnly: false },
    });
  });

  it('refuses a callback that would never decide, and two that decide the same', () => {
    const callbacks = { earlyStopping: {} };
    expect(() => resolveConfig({ dataset, validationSplit: 0, callbacks })).toThrow(
      'earlyStopping monitors val_loss, and without a validation split there is none: monitor loss, or hold samples out',
    );
    const schedule = { name: 'table', per: 'epoch', warmup: 0, rates: [1] } as const;
    expect(() =>
      resolveConfig({ dataset, schedule: { ...schedule, rates: [1] }, callbacks: { reduceLROnPlateau: {} } }),
    ).toThrow('a table of rates leaves reduceLROnPlateau nothing to reduce');
  });

  it('resolves every recipe', () => {
    for (const recipe of Object.keys(recipes)) expect(resolveConfig({ recipe, dataset }).recipe).toBe(recipe);
  });

  it('lets a number of steps alone decide the length', () => {
    expect(resolveConfig({ dataset, maxSteps: 90_000 })).toMatchObject({ epochs: null, maxSteps: 90_000 });
    expect(resolveConfig({ dataset, maxSteps: 40, epochs: 2 })).toMatchObject({ epochs: 2, maxSteps: 40 });
  });

  it.each([
    [256, 64],
    [64, 32],
    [48, 24],
    [7, 1],
    [1, 1],
    [1000, 50],
  ])('cuts a global batch of %d into micro-batches of %d', (globalBatchSize, microBatchSize) => {
    expect(resolveConfig({ dataset, globalBatchSize }).microBatchSize).toBe(microBatchSize);
  });

  it('keeps the number of workers out of the configuration', () => {
    expect(Object.keys(resolveConfig({ dataset }))).not.toContain('workers');
  });

  it.each([
    [{ recipe: 'none' }, 'no recipe is called "none"; choose one of lesson, quick, strong, smoke'],
    [{ globalBatchSize: 250, microBatchSize: 32 }, 'globalBatchSize (250) must be a multiple of microBatchSize (32)'],
    [{ validationSplit: 1 }, 'validationSplit: '],
    [{ epochs: 0 }, 'epochs: '],
    [{ optimizer: { learningRate: NaN } }, 'optimizer.learningRate: must be a number, not NaN'],
    [{ optimizer: { nesterov: true } }, 'optimizer: adam has no nesterov: leave it out, or choose another optimizer'],
    [{ gradientFormat: 'float16' as 'float32' }, 'gradientFormat: '],
  ])('refuses %o in words that say what to change', (options, message) => {
    expect(() => resolveConfig({ dataset, ...options })).toThrow(message);
  });
});

describe('checkConfig', () => {
  it('reads the configuration of a run from before gradients had formats: float32', () => {
    const { gradientFormat: _, ...before } = resolveConfig({ dataset });
    expect(checkConfig(before)).toEqual(resolveConfig({ dataset }));
  });

  it('reads configurations from before there was augmentation as ones without', () => {
    const { augmentation: _, labelSmoothing: __, ...before } = resolveConfig({ dataset });
    expect(checkConfig(before)).toEqual(resolveConfig({ dataset }));
  });

  it('refuses an augmentation of another version, whose images would be others', () => {
    const augmentation = { version: 'crop-flip-cutout-mixup/0', crop: 4, flip: true, cutout: 0, mixup: 0 };
    expect(() => checkConfig({ ...resolveConfig({ dataset }), augmentation })).toThrow('augmentation.version: ');
  });

  it('refuses fields it does not know', () => {
    expect(() => checkConfig({ ...resolveConfig({ dataset }), workers: 4 })).toThrow('workers');
  });
});
