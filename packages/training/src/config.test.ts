import { describe, expect, it } from 'vitest';
import { checkConfig, resolveLayers } from './config.ts';
import { basis, testConfig } from './config.fixture.ts';

const dataset = { name: 'cifar10' } as const;

describe('resolveConfig', () => {
  it("completes callbacks with Keras's defaults", () => {
    const { callbacks } = testConfig({
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
    expect(() => testConfig({ dataset, validationSplit: 0, callbacks })).toThrow(
      'earlyStopping monitors val_loss, and without a validation split there is none: monitor loss, or hold samples out',
    );
    const schedule = { name: 'table', per: 'epoch', warmup: 0, rates: [1] } as const;
    expect(() =>
      testConfig({ dataset, schedule: { ...schedule, rates: [1] }, callbacks: { reduceLROnPlateau: {} } }),
    ).toThrow('a table of rates leaves reduceLROnPlateau nothing to reduce');
  });

  it('lets a number of steps alone decide the length', () => {
    expect(testConfig({ dataset, maxSteps: 90_000 })).toMatchObject({ epochs: null, maxSteps: 90_000 });
    expect(testConfig({ dataset, maxSteps: 40, epochs: 2 })).toMatchObject({ epochs: 2, maxSteps: 40 });
  });

  it.each([
    [256, 64],
    [64, 32],
    [48, 24],
    [7, 1],
    [1, 1],
    [1000, 50],
  ])('cuts a global batch of %d into micro-batches of %d', (globalBatchSize, microBatchSize) => {
    expect(testConfig({ dataset, globalBatchSize }).microBatchSize).toBe(microBatchSize);
  });

  it('keeps the number of workers out of the configuration', () => {
    expect(Object.keys(testConfig({ dataset }))).not.toContain('workers');
  });

  it.each([
    [{ recipe: 'none' }, 'no recipe is called "none"; choose one of plain, quick, smoke'],
    [{ recipe: 'qick' }, 'no recipe is called "qick"; did you mean "quick"? choose one of plain, quick, smoke'],
    [{ globalBatchSize: 250, microBatchSize: 32 }, 'globalBatchSize (250) must be a multiple of microBatchSize (32)'],
    [{ validationSplit: 1 }, 'validationSplit: '],
    [{ epochs: 0 }, 'epochs: '],
    [{ optimizer: { learningRate: NaN } }, 'optimizer.learningRate: must be a number, not NaN'],
    [{ optimizer: { nesterov: true } }, 'optimizer: adam has no nesterov: leave it out, or choose another optimizer'],
    [{ gradientFormat: 'float16' as 'float32' }, 'gradientFormat: '],
  ])('refuses %o in words that say what to change', (options, message) => {
    expect(() => testConfig({ dataset, ...options })).toThrow(message);
  });
});

describe('resolveLayers', () => {
  it('checks what is written somewhere by itself, and names the place', () => {
    const layers = (written: object) => [
      { settings: written, from: 'convoy.json' },
      { settings: { seed: 8, recipe: 'smoke' } },
    ];
    expect(resolveLayers(basis, layers({ seed: 7 })).config).toMatchObject({ seed: 8, recipe: 'smoke', maxSteps: 20 });
    expect(() => resolveLayers(basis, layers({ seed: 'x' }))).toThrow('convoy.json: seed: must be a number, not "x"');
  });

  it('gives a layer the configuration that it is over, once', () => {
    const seen: number[] = [];
    const { config, layers } = resolveLayers(basis, [
      { settings: { seed: 7, globalBatchSize: 128 } },
      { settings: (below) => (seen.push(below.globalBatchSize), { seed: below.seed + 1 }) },
    ]);
    expect(config).toMatchObject({ seed: 8, globalBatchSize: 128, microBatchSize: 64 });
    expect(layers).toEqual([{ seed: 7, globalBatchSize: 128 }, { seed: 8 }]);
    expect(seen).toEqual([128]);
  });
});

describe('checkConfig', () => {
  it('reads the configuration of a run from before gradients had formats: float32', () => {
    const { gradientFormat: _, ...before } = testConfig({ dataset });
    expect(checkConfig(before)).toEqual(testConfig({ dataset }));
  });

  it('reads configurations from before there was augmentation as ones without', () => {
    const { augmentation: _, labelSmoothing: __, ...before } = testConfig({ dataset });
    expect(checkConfig(before)).toEqual(testConfig({ dataset }));
  });

  it('refuses an augmentation of another version, whose images would be others', () => {
    const augmentation = { version: 'crop-flip-cutout-mixup/0', crop: 4, flip: true, cutout: 0, mixup: 0 };
    expect(() => checkConfig({ ...testConfig({ dataset }), augmentation })).toThrow('augmentation.version: ');
  });

  it('refuses fields it does not know', () => {
    expect(() => checkConfig({ ...testConfig({ dataset }), workers: 4 })).toThrow('workers');
  });
});
