import { AUGMENTATION_VERSION } from '@convoy/protocol/run-config';
import type { Recipe } from '@convoy/training/config';
import { DEFAULT_OPTIMIZERS, NOT_WORTH_DECAYING } from '@convoy/training/optimizer/optimizer';

const lesson: Recipe['settings'] = {
  model: 'lesson-cnn',
  dataset: { name: 'cifar10' },
  epochs: 30,
  globalBatchSize: 64,
  validationSplit: 0.15,
  optimizer: DEFAULT_OPTIMIZERS.adam,
};

/**
 * After Page, "How to train your ResNet" (2018): rate and decay are his for batch 512, scaled to 256; his decay is part of the
 * gradient, where momentum makes ten times as much of it.
 */
const strong: Recipe['settings'] = {
  ...lesson,
  model: 'resnet',
  epochs: 16,
  globalBatchSize: 256,
  validationSplit: 0.02,
  augmentation: { version: AUGMENTATION_VERSION, crop: 4, flip: true, cutout: 0, mixup: 0 },
  labelSmoothing: 0.1,
  optimizer: {
    ...DEFAULT_OPTIMIZERS.sgd,
    learningRate: 0.2,
    momentum: 0.9,
    nesterov: true,
    weightDecay: 5e-3,
    excludeFromWeightDecay: NOT_WORTH_DECAYING,
  },
  schedule: { name: 'cosine', per: 'step', warmup: 300, decaySteps: null, alpha: 0 },
};

/** Named starting points, chosen with `--recipe`; the first is the default. */
export const recipes = {
  lesson: { about: "the lesson's training: batch 64, 30 epochs, Adam at 0.001, no augmentation", settings: lesson },
  quick: {
    about: 'a first look in minutes: batch 100, 1 epoch',
    // Divides the lesson's 42,500 samples: a last batch of four would end the only epoch with a step of almost pure noise.
    settings: { ...lesson, globalBatchSize: 100, epochs: 1 },
  },
  strong: {
    about: 'a residual network: batch 256, 16 epochs, SGD with Nesterov momentum, crop and flip',
    settings: strong,
  },
  smoke: {
    about: 'seconds, to see that everything is in place: batch 64, 20 steps',
    settings: { ...lesson, epochs: 1, maxSteps: 20 },
  },
} as const satisfies Readonly<Record<string, Recipe>>;

export type RecipeName = keyof typeof recipes;
