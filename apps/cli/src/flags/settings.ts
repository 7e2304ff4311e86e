import { MONITORS } from '@convoy/protocol/callbacks-config';
import { MODEL_NAMES } from '@convoy/cifar10/models';
import { recipes, type RecipeName } from '@convoy/cifar10/recipes';
import { GRADIENT_FORMATS, type RunConfig } from '@convoy/protocol/run-config';
import { DEFAULT_SEED } from '@convoy/training/config';
import { DEFAULT_OPTIMIZERS } from '@convoy/training/optimizer/optimizer';
import type { Settings } from '@convoy/training/settings';
import { flagTable } from './flag.ts';
import { augmentationFlags, DATA, datasetFlags, REGULARIZATION } from './image-settings.ts';
import {
  amount,
  finiteNumber,
  fraction,
  positiveInteger,
  positiveNumber,
  positiveShare,
  properFraction,
  risingSteps,
  wholeNumber,
} from './values.ts';

// The flags that decide what a run computes. Each is one entry: `setting` says where its value goes in the configuration, and
// everything else follows from the table: options and help, the conflicts with --resume, chaos's arguments, the JSON schema's remarks.

const RECIPE_NAMES = Object.keys(recipes) as RecipeName[];

const TRAINING = 'Training:';
const OPTIMIZER = 'Optimizer:';
const SCHEDULE = 'Learning rate schedule:';
const CALLBACKS = 'Callbacks, at the end of an epoch:';

export const settingFlags = flagTable({
  recipe: {
    takes: '<name>',
    choices: RECIPE_NAMES,
    help: 'settings to start from',
    defaultText: RECIPE_NAMES[0]!,
    group: DATA,
    isCommon: true,
    setting: 'recipe',
  },
  model: {
    takes: '<name>',
    choices: MODEL_NAMES,
    help: 'model to train',
    group: DATA,
    isCommon: true,
    setting: 'model',
  },
  ...datasetFlags,

  epochs: {
    takes: '<n>',
    parse: positiveInteger,
    help: 'train for this many passes over the training samples',
    group: TRAINING,
    isCommon: true,
    setting: 'epochs',
  },
  steps: {
    takes: '<n>',
    parse: positiveInteger,
    help: 'stop after this many optimizer steps',
    group: TRAINING,
    isCommon: true,
    setting: 'maxSteps',
  },
  batchSize: {
    takes: '<n>',
    parse: positiveInteger,
    help: 'samples per step, over all workers',
    group: TRAINING,
    isCommon: true,
    setting: 'globalBatchSize',
  },
  seed: {
    takes: '<n>',
    parse: wholeNumber,
    help: 'seed for all random choices',
    defaultText: String(DEFAULT_SEED),
    group: TRAINING,
    isCommon: true,
    setting: 'seed',
  },
  deterministic: {
    negation: 'hidden',
    help: 'give the same bits with any number of workers',
    group: TRAINING,
    isCommon: true,
    setting: 'deterministic',
  },
  microBatch: {
    takes: '<n>',
    parse: positiveInteger,
    help: 'samples per gradient computation: the smallest piece of work for a worker',
    group: TRAINING,
    setting: 'microBatchSize',
  },
  evaluationBatchSize: {
    takes: '<n>',
    parse: positiveInteger,
    help: 'samples per piece of work in an evaluation',
    defaultText: "the recipe's",
    group: TRAINING,
    setting: 'evaluationBatchSize',
  },
  validationSplit: {
    takes: '<f>',
    parse: fraction,
    help: 'fraction of the training samples to hold out, taken from the end',
    group: TRAINING,
    setting: 'validationSplit',
  },
  shuffle: {
    negation: 'listed',
    help: 'take the training samples in the order of the files',
    group: TRAINING,
    setting: 'shuffle',
  },
  gradients: {
    takes: '<format>',
    choices: GRADIENT_FORMATS,
    help: 'round gradients to this format; bfloat16 halves what workers send',
    defaultText: 'float32',
    group: TRAINING,
    setting: 'gradientFormat',
  },

  optimizer: {
    takes: '<name>',
    choices: Object.keys(DEFAULT_OPTIMIZERS) as (keyof typeof DEFAULT_OPTIMIZERS)[],
    help: "optimizer, with Keras's defaults",
    defaultText: "the recipe's",
    group: OPTIMIZER,
    isCommon: true,
    setting: 'optimizer.name',
  },
  lr: {
    takes: '<rate>',
    parse: positiveNumber,
    help: 'learning rate',
    defaultText: "the recipe's, or the optimizer's",
    group: OPTIMIZER,
    isCommon: true,
    setting: 'optimizer.learningRate',
  },
  momentum: {
    takes: '<f>',
    parse: fraction,
    help: 'momentum, for sgd and rmsprop',
    group: OPTIMIZER,
    setting: 'optimizer.momentum',
  },
  nesterov: { help: 'use Nesterov momentum, for sgd', group: OPTIMIZER, setting: 'optimizer.nesterov' },
  weightDecay: {
    takes: '<f>',
    parse: positiveNumber,
    help: 'shrink the parameters by this fraction, times the learning rate, at each step',
    group: OPTIMIZER,
    setting: 'optimizer.weightDecay',
  },
  clipNorm: {
    takes: '<n>',
    parse: positiveNumber,
    help: 'scale the gradient down to this norm when it is longer',
    group: OPTIMIZER,
    setting: 'optimizer.clipNorm',
  },

  schedule: {
    takes: '<name>',
    // A table of rates is for files and programs.
    choices: ['constant', 'step', 'exponential', 'cosine'],
    help: 'how the learning rate changes over the run',
    defaultText: "the recipe's",
    group: SCHEDULE,
    setting: 'schedule.name',
  },
  warmup: {
    takes: '<steps>',
    parse: positiveInteger,
    help: 'raise the rate from 0 over this many steps before the schedule begins',
    group: SCHEDULE,
    setting: 'schedule.warmup',
  },
  decaySteps: {
    takes: '<n>',
    parse: risingSteps,
    help: 'step: lower the rate after each of these steps (400,600); exponential: steps per decay; cosine: steps down to 0',
    defaultText: 'cosine: to the end of the run',
    group: SCHEDULE,
    setting: (steps: readonly number[], { schedule }: RunConfig): Settings =>
      schedule.name === 'step' ? { schedule: { boundaries: [...steps] } } : { schedule: { decaySteps: steps[0]! } },
  },
  decayRate: {
    takes: '<f>',
    parse: positiveShare,
    help: 'multiply the rate by this at each decay, for step and exponential',
    defaultText: '0.1',
    group: SCHEDULE,
    setting: 'schedule.decayRate',
  },

  earlyStopping: {
    takes: '[patience]',
    parse: wholeNumber,
    help: 'stop after this many epochs in a row without improvement',
    defaultText: '0, as in Keras',
    group: CALLBACKS,
    setting: 'callbacks.earlyStopping.patience',
  },
  restoreBest: {
    help: 'with --early-stopping, end with the parameters of the best epoch',
    group: CALLBACKS,
    needs: ['earlyStopping'],
    setting: 'callbacks.earlyStopping.restoreBestWeights',
  },
  baseline: {
    takes: '<value>',
    parse: finiteNumber,
    help: 'with --early-stopping, count an epoch as better only if it also beats this value',
    group: CALLBACKS,
    needs: ['earlyStopping'],
    setting: 'callbacks.earlyStopping.baseline',
  },
  startFromEpoch: {
    takes: '<n>',
    parse: wholeNumber,
    help: 'with --early-stopping, ignore the epochs before this one (the first is 0)',
    group: CALLBACKS,
    needs: ['earlyStopping'],
    setting: 'callbacks.earlyStopping.startFromEpoch',
  },
  reduceLrOnPlateau: {
    takes: '[patience]',
    parse: wholeNumber,
    help: 'lower the learning rate after this many epochs in a row without improvement',
    defaultText: '10',
    group: CALLBACKS,
    setting: 'callbacks.reduceLROnPlateau.patience',
  },
  factor: {
    takes: '<f>',
    parse: properFraction,
    help: 'with --reduce-lr-on-plateau, multiply the rate by this',
    defaultText: '0.1',
    group: CALLBACKS,
    needs: ['reduceLrOnPlateau'],
    setting: 'callbacks.reduceLROnPlateau.factor',
  },
  cooldown: {
    takes: '<epochs>',
    parse: wholeNumber,
    help: 'with --reduce-lr-on-plateau, wait this many epochs after lowering the rate',
    defaultText: '0',
    group: CALLBACKS,
    needs: ['reduceLrOnPlateau'],
    setting: 'callbacks.reduceLROnPlateau.cooldown',
  },
  minLr: {
    takes: '<rate>',
    parse: positiveNumber,
    help: 'with --reduce-lr-on-plateau, never go below this rate',
    defaultText: '0',
    group: CALLBACKS,
    needs: ['reduceLrOnPlateau'],
    setting: 'callbacks.reduceLROnPlateau.minLR',
  },
  monitor: {
    takes: '<figure>',
    choices: MONITORS,
    help: 'figure that tells whether an epoch was better',
    defaultText: 'val_loss; for checkpoints of a classification val_accuracy',
    group: CALLBACKS,
    setting: [
      'callbacks.earlyStopping?.monitor',
      'callbacks.reduceLROnPlateau?.monitor',
      'callbacks.modelCheckpoint.monitor',
    ],
  },
  mode: {
    takes: '<mode>',
    choices: ['auto', 'min', 'max'],
    help: 'whether a lower or a higher figure is better',
    defaultText: 'auto',
    group: CALLBACKS,
    setting: ['callbacks.earlyStopping?.mode', 'callbacks.reduceLROnPlateau?.mode', 'callbacks.modelCheckpoint.mode'],
  },
  minDelta: {
    takes: '<x>',
    parse: amount,
    help: 'count an epoch as better only if it gains more than this',
    defaultText: '0; for --reduce-lr-on-plateau 0.0001',
    group: CALLBACKS,
    needs: ['earlyStopping', 'reduceLrOnPlateau'],
    setting: ['callbacks.earlyStopping?.minDelta', 'callbacks.reduceLROnPlateau?.minDelta'],
  },
  saveBestOnly: {
    help: 'write a checkpoint at the end of an epoch only if it is the best so far',
    group: CALLBACKS,
    setting: 'callbacks.modelCheckpoint.saveBestOnly',
  },

  dropout: { negation: 'listed', help: 'train without dropout', group: REGULARIZATION, setting: 'dropout' },
  labelSmoothing: {
    takes: '<f>',
    parse: fraction,
    help: 'share of the target probability to spread evenly over all classes',
    group: REGULARIZATION,
    setting: 'labelSmoothing',
  },
  ...augmentationFlags,
});
