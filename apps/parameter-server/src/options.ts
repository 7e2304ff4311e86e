import { InvalidArgumentError, Option, type Command } from 'commander';
import { SYNTHETIC_DEFAULTS } from '@convoy/cifar10/synthetic';
import { OperatorError } from '@convoy/protocol/errors';
import {
  GRADIENT_FORMATS,
  MODEL_NAMES,
  type DatasetConfig,
  type GradientFormat,
  type ModelName,
  type RunConfig,
} from '@convoy/protocol/run-config';
import {
  augmentationFromFlags,
  augmentOption,
  cutoutOption,
  mixupOption,
  type AugmentationFlags,
} from './augmentation-options.ts';
import { addCallbackOptions, CALLBACK_FLAGS, callbacksFromFlags, type CallbackFlags } from './callback-options.ts';
import { DEFAULT_KEEP } from './checkpoint-store.ts';
import { COLLAPSE_ACTIONS, type CollapseAction } from './health-watch.ts';
import { addOptimizerOptions, OPTIMIZER_FLAGS, optimizerFromFlags, type OptimizerFlags } from './optimizer-options.ts';
import { fraction, positiveInteger, wholeNumber } from './option-values.ts';
import { DEFAULT_RECIPE, DEFAULT_SEED, recipes, resolveConfig } from '@convoy/training/config';

export { positiveInteger, wholeNumber };

/** Options that decide what a run computes, as the command line gives them. */
export interface RunFlags extends OptimizerFlags, CallbackFlags, AugmentationFlags {
  readonly recipe: string;
  readonly model?: ModelName;
  readonly dataset: DatasetConfig['name'];
  readonly syntheticSize: number;
  readonly dataDir?: string;
  readonly epochs?: number;
  readonly steps?: number;
  readonly batchSize?: number;
  readonly microBatch?: number;
  readonly seed: number;
  readonly dropout: boolean;
  readonly labelSmoothing?: number;
  readonly shuffle: boolean;
  readonly validationSplit?: number;
  readonly gradients?: GradientFormat;
  readonly deterministic: boolean;
  readonly runDir?: string;
  /** The folder of a run that is to go on. */
  readonly resume?: string;
  readonly checkpointEvery: CheckpointInterval;
  readonly keepCheckpoints: number;
  /** What is done when the training has collapsed. */
  readonly onCollapse: CollapseAction;
  readonly minWorkers: number;
  /** Seconds without a sign of life after which a worker is dead. */
  readonly deadAfter: number;
  readonly json: boolean;
}

/** How often a checkpoint is due: in steps or in milliseconds; neither is only at evaluations and at the end. */
export interface CheckpointInterval {
  readonly steps: number | null;
  readonly ms: number | null;
}

/** Options that decide a run's result: they are in its folder, so that a resumed run can't be given others. */
const DECISIVE = [
  'recipe',
  'model',
  'dataset',
  'syntheticSize',
  'epochs',
  'steps',
  'batchSize',
  'microBatch',
  'seed',
  ...OPTIMIZER_FLAGS,
  ...CALLBACK_FLAGS,
  'dropout',
  'augment',
  'cutout',
  'mixup',
  'labelSmoothing',
  'shuffle',
  'validationSplit',
  'gradients',
  'deterministic',
  'runDir',
];

/** The set that `--dataset synthetic` names. Its size is CIFAR-10's unless another is asked for, and so is the test's share. */
export function syntheticConfig({ syntheticSize }: Pick<RunFlags, 'syntheticSize'>): DatasetConfig {
  return {
    name: 'synthetic',
    seed: 1,
    trainCount: syntheticSize,
    testCount: Math.max(1, Math.floor(syntheticSize / 5)),
  };
}

/** Adds a run's options to a command. */
export function addRunOptions(command: Command): Command {
  const names = Object.entries(recipes).map(([name, { about }]) => `${name} (${about})`);
  command
    .addOption(
      new Option('--recipe <name>', `settings to start from: ${names.join('; ')}`)
        .choices(Object.keys(recipes))
        .default(DEFAULT_RECIPE),
    )
    .addOption(new Option('--model <name>', 'what to train').choices(MODEL_NAMES))
    .addOption(new Option('--dataset <name>', 'what to train on').choices(['cifar10', 'synthetic']).default('cifar10'))
    .option(
      '--synthetic-size <n>',
      'training images of the synthetic set; the test has a fifth as many',
      positiveInteger,
      SYNTHETIC_DEFAULTS.trainCount,
    )
    .option('--data-dir <folder>', "CIFAR-10's binary files (default: $CIFAR10_DIR, else the cache, else downloaded)")
    .option('--epochs <n>', 'passes over the training samples', positiveInteger)
    .option('--steps <n>', 'stop after this many optimizer steps', positiveInteger)
    .option('--batch-size <n>', 'samples per step, over all workers', positiveInteger)
    .option('--micro-batch <n>', 'samples per gradient: the smallest piece a worker is given', positiveInteger)
    .option(
      '--seed <n>',
      'seeds the initial parameters, the order of the data, dropout and augmentation',
      wholeNumber,
      DEFAULT_SEED,
    );
  return addCallbackOptions(addOptimizerOptions(command))
    .option('--no-dropout', 'train without dropout')
    .addOption(augmentOption())
    .addOption(cutoutOption())
    .addOption(mixupOption())
    .option('--label-smoothing <f>', 'share of the expected probability divided among all classes', fraction)
    .option('--no-shuffle', 'take the samples in the order of the files')
    .option('--validation-split <f>', 'fraction held out from the end of the training samples', fraction)
    .addOption(
      new Option(
        '--gradients <format>',
        'what gradients are rounded to, summed and sent as: bfloat16 halves what workers send (default: float32)',
      ).choices(GRADIENT_FORMATS),
    )
    .option('--deterministic', 'the same bits for any number of workers: one thread each, equal arithmetic', false)
    .addOption(
      new Option(
        '--resume <folder>',
        'go on with the run in this folder, exactly, from its newest checkpoint',
      ).conflicts(DECISIVE),
    )
    .addOption(
      new Option(
        '--checkpoint-every <n>',
        'steps (200) or seconds (60s) between checkpoints; 0 for none between evaluations',
      )
        .argParser(checkpointInterval)
        .default({ steps: null, ms: 60_000 }, '60s'),
    )
    .option('--keep-checkpoints <n>', 'how many to keep beside the best', positiveInteger, DEFAULT_KEEP)
    .addOption(
      new Option(
        '--on-collapse <action>',
        'when the training has fallen back to guessing: stop, go back to a healthy checkpoint at half the learning rate, or go on',
      )
        .choices(COLLAPSE_ACTIONS)
        .default('halt'),
    )
    .option('--min-workers <n>', 'pause below this many workers', positiveInteger, 1)
    .option('--dead-after <s>', 'seconds without a sign of life after which a worker is given up', deadAfter, 10)
    .option('--run-dir <folder>', "the run's folder (default: runs/<run>)")
    .option('--json', 'logs to stderr, and one JSON line with the result to stdout', false);
}

/** The configuration that the flags ask for. @throws OperatorError in the flags' own words. */
export function configFromFlags(flags: RunFlags, dataset: DatasetConfig): RunConfig {
  const { batchSize, microBatch } = flags;
  if (batchSize !== undefined && microBatch !== undefined && batchSize % microBatch !== 0) {
    throw new OperatorError(`--batch-size (${batchSize}) must be a multiple of --micro-batch (${microBatch})`);
  }
  return resolveConfig({
    recipe: flags.recipe,
    model: flags.model,
    dataset,
    epochs: flags.epochs,
    maxSteps: flags.steps,
    globalBatchSize: flags.batchSize,
    microBatchSize: flags.microBatch,
    seed: flags.seed,
    ...optimizerFromFlags(flags),
    callbacks: callbacksFromFlags(flags),
    dropout: flags.dropout ? undefined : false,
    augmentation: augmentationFromFlags(flags) ?? undefined,
    labelSmoothing: flags.labelSmoothing,
    shuffle: flags.shuffle ? undefined : false,
    validationSplit: flags.validationSplit,
    gradientFormat: flags.gradients,
    deterministic: flags.deterministic,
  });
}

function checkpointInterval(text: string): CheckpointInterval {
  const [, digits, unit] = /^(\d{1,9})(s?)$/.exec(text) ?? [];
  if (digits === undefined) {
    throw new InvalidArgumentError('It must be a number of steps, like 200, or of seconds, like 60s.');
  }
  const n = Number(digits);
  if (n === 0) return { steps: null, ms: null };
  return unit === 's' ? { steps: null, ms: 1000 * n } : { steps: n, ms: null };
}

function deadAfter(text: string): number {
  const value = Number(text);
  if (!(value >= 2 && value <= 86_400)) {
    throw new InvalidArgumentError('It must be at least 2 seconds: a worker gives a sign of life every second.');
  }
  return value;
}
