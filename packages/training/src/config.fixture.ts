import type { RunConfig } from '@convoy/protocol/run-config';
import { resolveConfig, type Basis, type Recipe } from './config.ts';
import { DEFAULT_OPTIMIZERS } from './optimizer/optimizer.ts';
import type { Settings } from './settings.ts';

const plain: Recipe['settings'] = {
  model: 'lesson-cnn',
  dataset: { name: 'cifar10' },
  epochs: 30,
  globalBatchSize: 64,
  validationSplit: 0.15,
  optimizer: DEFAULT_OPTIMIZERS.adam,
};

/** Recipes and data sets for tests of what doesn't depend on them. */
export const basis: Basis = {
  recipes: {
    plain: { about: 'the default', settings: plain },
    quick: { about: 'another batch', settings: { ...plain, globalBatchSize: 100, epochs: 1 } },
    smoke: { about: 'few steps', settings: { ...plain, epochs: 1, maxSteps: 20 } },
  },
  datasets: {
    cifar10: { defaults: { name: 'cifar10' } },
    synthetic: {
      defaults: { name: 'synthetic', seed: 1, trainCount: 50_000, testCount: 10_000 },
      implied: ({ trainCount, testCount }) =>
        trainCount === undefined || testCount !== undefined ? {} : { testCount: Number(trainCount) / 5 },
    },
  },
};

/** A configuration for a test: settings over those of the plain recipe. */
export function testConfig(...layers: readonly Settings[]): RunConfig {
  return resolveConfig(basis, ...layers);
}
