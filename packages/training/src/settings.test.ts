import { describe, expect, it } from 'vitest';
import { testConfig } from './config.fixture.ts';
import { DEFAULT_OPTIMIZERS } from './optimizer/optimizer.ts';
import type { Settings } from './settings.ts';

const sgd: Settings = { optimizer: { name: 'sgd', learningRate: 0.05, momentum: 0.9 } };

describe('layers of settings', () => {
  it('replace each other one by one, the last before the first, and the recipe under all', () => {
    const config = testConfig({ recipe: 'quick', seed: 1, dropout: false }, { seed: 2, dropout: undefined });
    expect(config).toMatchObject({ recipe: 'quick', globalBatchSize: 100, seed: 2, dropout: false });
  });

  it('take the recipe of the last layer that names one', () => {
    expect(testConfig({ recipe: 'quick' }, { recipe: 'smoke' }, {})).toMatchObject({
      recipe: 'smoke',
      maxSteps: 20,
    });
  });

  it('replace fields of the optimizer that is below', () => {
    const { optimizer } = testConfig(sgd, { optimizer: { learningRate: 0.1 } });
    expect(optimizer).toMatchObject({ name: 'sgd', learningRate: 0.1, momentum: 0.9 });
    expect(testConfig(sgd, { optimizer: { name: 'sgd', nesterov: true } }).optimizer).toMatchObject({
      learningRate: 0.05,
      momentum: 0.9,
      nesterov: true,
    });
    expect(testConfig({ optimizer: { beta1: 0.8 } }).optimizer).toMatchObject({ name: 'adam', beta1: 0.8 });
  });

  it('start from the defaults of an optimizer, schedule or data set that is another than the one below', () => {
    const below: Settings = { ...sgd, schedule: { name: 'exponential', decaySteps: 9, warmup: 4 } };
    const above: Settings = {
      optimizer: { name: 'adamw' },
      schedule: { name: 'cosine' },
      dataset: { name: 'synthetic' },
    };
    expect(testConfig(below, above)).toMatchObject({
      optimizer: { name: 'adamw', learningRate: 1e-3, weightDecay: 0.004 },
      schedule: { name: 'cosine', warmup: 0, decaySteps: null, alpha: 0 },
      dataset: { name: 'synthetic', seed: 1, trainCount: 50_000, testCount: 10_000 },
    });
  });

  it("give a synthetic set's test a fifth of the training images, unless it is said", () => {
    const below: Settings = { dataset: { name: 'synthetic', seed: 3, trainCount: 500 } };
    expect(testConfig(below).dataset).toMatchObject({ seed: 3, testCount: 100 });
    expect(testConfig(below, { dataset: { testCount: 7 } }).dataset).toMatchObject({
      trainCount: 500,
      testCount: 7,
    });
  });

  it('replace fields of each callback, and null ends one', () => {
    const below: Settings = { callbacks: { earlyStopping: { patience: 3 }, modelCheckpoint: { saveBestOnly: true } } };
    const above: Settings = { callbacks: { earlyStopping: { restoreBestWeights: true }, reduceLROnPlateau: {} } };
    expect(testConfig(below, above).callbacks).toMatchObject({
      earlyStopping: { patience: 3, restoreBestWeights: true, monitor: 'val_loss' },
      reduceLROnPlateau: { patience: 10, factor: 0.1 },
      modelCheckpoint: { saveBestOnly: true, monitor: 'val_accuracy' },
    });
    expect(testConfig(below, { callbacks: { earlyStopping: null } }).callbacks).toMatchObject({
      earlyStopping: null,
      modelCheckpoint: { saveBestOnly: true },
    });
  });

  it('replace fields of the augmentation, and one that does nothing is none', () => {
    const below: Settings = { augmentation: { crop: 4, flip: true } };
    const version = 'crop-flip-cutout-mixup/1';
    expect(testConfig(below, { augmentation: { cutout: 8 } }).augmentation).toEqual({
      version,
      crop: 4,
      flip: true,
      cutout: 8,
      mixup: 0,
    });
    expect(testConfig(below, { augmentation: { crop: 0, flip: false } }).augmentation).toBeNull();
    expect(testConfig(below, { augmentation: null }).augmentation).toBeNull();
  });

  it('have a schedule of rates, and the format of the gradients', () => {
    const settings: Settings = { schedule: { name: 'table', rates: [0.1, 0.01] }, gradientFormat: 'bfloat16' };
    expect(testConfig(settings)).toMatchObject({
      schedule: { name: 'table', per: 'step', warmup: 0, rates: [0.1, 0.01] },
      gradientFormat: 'bfloat16',
    });
  });

  it('replace the length of the run as a whole', () => {
    expect(testConfig({ epochs: 3 }, { maxSteps: 40 })).toMatchObject({ epochs: null, maxSteps: 40 });
    expect(testConfig({ recipe: 'smoke' }, { epochs: 3 })).toMatchObject({ epochs: 3, maxSteps: null });
    expect(testConfig({ epochs: 3 }, { epochs: 2, maxSteps: 40 })).toMatchObject({ epochs: 2, maxSteps: 40 });
  });

  it("take a run's whole configuration for what it is", () => {
    const config = testConfig(sgd, {
      schedule: { name: 'step', boundaries: [5] },
      maxSteps: 9,
      validationSplit: 0,
      callbacks: { earlyStopping: { monitor: 'loss' } },
      augmentation: { mixup: 0.2 },
      labelSmoothing: 0.1,
    });
    expect(testConfig(config)).toEqual(config);
    const notes = { $schema: 'convoy.schema.json', $workloadSha256: 'a'.repeat(64) };
    expect(testConfig({ recipe: 'smoke' }, config, notes)).toEqual(config);
  });

  it.each([
    [{ epoch: 3 }, 'there is no setting "epoch"; did you mean "epochs"?'],
    [{ steps: 3 }, 'there is no setting "steps"; did you mean "maxSteps"?'],
    [{ 'batch-size': 8 }, 'there is no setting "batch-size"; did you mean "globalBatchSize"?'],
    [{ lr: 1 }, 'there is no setting "lr"; did you mean "optimizer.learningRate"?'],
    [{ workers: 3 }, 'there is no setting "workers"'],
    [{ optimizer: { lerningRate: 1 } }, 'optimizer: there is no setting "lerningRate"; did you mean "learningRate"?'],
    [{ optimizer: { momentum: 0.9 } }, 'optimizer: adam has no momentum: leave it out, or choose another optimizer'],
    [
      { optimizer: { name: 'newton' } },
      `optimizer.name: must be ${Object.keys(DEFAULT_OPTIMIZERS)
        .map((name) => `"${name}"`)
        .join(' or ')}, not "newton"`,
    ],
    [{ optimizer: 'sgd' }, 'optimizer: must be an object, not "sgd"'],
    [
      { callbacks: { earlyStoping: {} } },
      'callbacks: there is no setting "earlyStoping"; did you mean "earlyStopping"?',
    ],
    [
      { callbacks: { earlyStopping: { patience: -1 } } },
      'callbacks.earlyStopping.patience: must be at least 0, not -1',
    ],
    [{ augmentation: { crops: 4 } }, 'augmentation: there is no setting "crops"; did you mean "crop"?'],
    [{ augmentation: 'flip' }, 'augmentation: must be an object, not "flip"'],
    [{ schedule: { name: 'step' } }, 'schedule.boundaries: is missing'],
    [
      { dataset: { name: 'constructor' } },
      'dataset.name: must be "cifar10" or "synthetic" or "workload", not "constructor"',
    ],
    [{ dataset: { name: 'synthetic', trainCount: 'all' } }, 'dataset.trainCount: must be a number, not "all"'],
    [{ seed: 1.5 }, 'seed: must be a whole number, not 1.5'],
    [{ globalBatchSize: 0 }, 'globalBatchSize: must be at least 1, not 0'],
    [{ globalBatchSize: '64' }, 'globalBatchSize: must be a number, not "64"'],
    [{ recipe: 'constructor' }, 'no recipe is called "constructor"; choose one of plain, quick, smoke'],
  ])('refuse %j in a line that says where and what it must be', (settings, message) => {
    expect(() => testConfig(settings as Settings)).toThrow(message);
  });
});
