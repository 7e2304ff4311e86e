import { InvalidArgumentError, Option, type Command } from 'commander';
import { OperatorError } from '@convoy/protocol/errors';
import {
  GRADIENT_FORMATS,
  MODEL_NAMES,
  type GradientFormat,
  type ModelName,
  type RunConfig,
} from '@convoy/protocol/run-config';
import {
  AUGMENTATION_FLAGS,
  augmentationFromFlags,
  augmentOption,
  cutoutOption,
  mixupOption,
  type AugmentationFlags,
} from './augmentation.ts';
import { addCallbackOptions, CALLBACK_FLAGS, callbacksFromFlags, type CallbackFlags } from './callbacks.ts';
import {
  DEFAULT_RUN_OPTIONS,
  type CheckpointInterval,
  type RunOptions,
  type RunRequest,
} from '@convoy/server/run-options';
import { addDatasetOptions, datasetFromFlags, type DatasetFlags } from './dataset.ts';
import { COLLAPSE_ACTIONS, type CollapseAction } from '@convoy/server/health-watch';
import { addOptimizerOptions, OPTIMIZER_FLAGS, optimizerFromFlags, type OptimizerFlags } from './optimizer.ts';
import { fraction, positiveInteger, wholeNumber } from './values.ts';
import { DEFAULT_RECIPE, DEFAULT_SEED, recipes, resolveConfig } from '@convoy/training/config';
import { syntheticConfig, type Settings } from '@convoy/training/settings';
import { workloadOption } from './workload.ts';

export { positiveInteger, syntheticConfig, wholeNumber };

/** Options that decide what a run computes, as the command line gives them; what is absent comes from the file or the recipe. */
export interface ConfigFlags extends OptimizerFlags, CallbackFlags, AugmentationFlags, DatasetFlags {
  /** A file of settings, see docs/configuration.md. */
  readonly config?: string;
  /** The file of a model and data of one's own. */
  readonly workload?: string;
  readonly recipe?: string;
  readonly model?: ModelName;
  readonly epochs?: number;
  readonly steps?: number;
  readonly batchSize?: number;
  readonly microBatch?: number;
  readonly seed?: number;
  readonly dropout?: boolean;
  readonly labelSmoothing?: number;
  readonly shuffle?: boolean;
  readonly validationSplit?: number;
  readonly gradients?: GradientFormat;
  readonly deterministic?: boolean;
}

/** All options of a run. */
export interface RunFlags extends ConfigFlags {
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

/** Options that decide a run's result: they are in its folder, so that a resumed run can't be given others. */
const DECISIVE = [
  'config',
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
  ...AUGMENTATION_FLAGS,
  'labelSmoothing',
  'shuffle',
  'validationSplit',
  'gradients',
  'deterministic',
  'runDir',
];

/** Adds the options that decide what a run computes to a command. */
export function addConfigOptions(command: Command): Command {
  const names = Object.entries(recipes).map(([name, { about }]) => `${name} (${about})`);
  command
    .option('--config <file>', 'settings as JSON, over the recipe and under the other options: docs/configuration.md')
    .addOption(
      new Option(
        '--recipe <name>',
        `settings to start from: ${names.join('; ')} (default: the file's, else ${DEFAULT_RECIPE})`,
      ).choices(Object.keys(recipes)),
    )
    .addOption(workloadOption().conflicts(['model', 'dataset', 'syntheticSize']))
    .addOption(new Option('--model <name>', 'what to train').choices(MODEL_NAMES));
  addDatasetOptions(command)
    .option('--epochs <n>', 'passes over the training samples', positiveInteger)
    .option('--steps <n>', 'stop after this many optimizer steps', positiveInteger)
    .option('--batch-size <n>', 'samples per step, over all workers', positiveInteger)
    .option('--micro-batch <n>', 'samples per gradient: the smallest piece a worker is given', positiveInteger)
    .option(
      '--seed <n>',
      `seeds the initial parameters, the order of the data, dropout and augmentation (default: ${DEFAULT_SEED})`,
      wholeNumber,
    );
  return addCallbackOptions(addOptimizerOptions(command))
    .addOption(new Option('--dropout', "train with dropout where the configuration doesn't").hideHelp())
    .option('--no-dropout', 'train without dropout')
    .addOption(augmentOption())
    .addOption(cutoutOption())
    .addOption(mixupOption())
    .option('--label-smoothing <f>', 'share of the expected probability divided among all classes', fraction)
    .addOption(new Option('--shuffle', "shuffle where the configuration doesn't").hideHelp())
    .option('--no-shuffle', 'take the samples in the order of the files')
    .option('--validation-split <f>', 'fraction held out from the end of the training samples', fraction)
    .addOption(
      new Option(
        '--gradients <format>',
        'what gradients are rounded to, summed and sent as: bfloat16 halves what workers send (default: float32)',
      ).choices(GRADIENT_FORMATS),
    )
    .option('--deterministic', 'the same bits for any number of workers: one thread each, equal arithmetic')
    .addOption(new Option('--no-deterministic', 'where the configuration is').hideHelp());
}

/** Adds a run's options to a command. */
export function addRunOptions(command: Command): Command {
  return addConfigOptions(command)
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
        .default(DEFAULT_RUN_OPTIONS.checkpointEvery, '60s'),
    )
    .option(
      '--keep-checkpoints <n>',
      'how many to keep beside the best',
      positiveInteger,
      DEFAULT_RUN_OPTIONS.keepCheckpoints,
    )
    .addOption(
      new Option(
        '--on-collapse <action>',
        'when the training has fallen back to guessing: stop, go back to a healthy checkpoint at half the learning rate, or go on',
      )
        .choices(COLLAPSE_ACTIONS)
        .default(DEFAULT_RUN_OPTIONS.onCollapse),
    )
    .option('--min-workers <n>', 'pause below this many workers', positiveInteger, DEFAULT_RUN_OPTIONS.minWorkers)
    .option(
      '--dead-after <s>',
      'seconds without a sign of life after which a worker is given up',
      deadAfter,
      DEFAULT_RUN_OPTIONS.deadAfterMs / 1000,
    )
    .option('--run-dir <folder>', "the run's folder (default: runs/<run>)")
    .option('--json', 'logs to stderr, and one JSON line with the result to stdout', false);
}

/**
 * The settings that the flags ask for, over the layers below them.
 * @throws OperatorError in the flags' own words, or in the settings'.
 */
export function settingsFromFlags(flags: ConfigFlags, layers: readonly Settings[]): Settings {
  const { batchSize, microBatch, recipe } = flags;
  if (batchSize !== undefined && microBatch !== undefined && batchSize % microBatch !== 0) {
    throw new OperatorError(`--batch-size (${batchSize}) must be a multiple of --micro-batch (${microBatch})`);
  }
  const below = resolveConfig(...layers, { recipe });
  const settings: Settings = {
    recipe,
    model: flags.model,
    dataset: datasetFromFlags(flags, below.dataset),
    epochs: flags.epochs,
    maxSteps: flags.steps,
    globalBatchSize: batchSize,
    microBatchSize: microBatch,
    seed: flags.seed,
    ...optimizerFromFlags(flags, below),
    callbacks: callbacksFromFlags(flags, below),
    dropout: flags.dropout,
    augmentation: augmentationFromFlags(flags),
    labelSmoothing: flags.labelSmoothing,
    shuffle: flags.shuffle,
    validationSplit: flags.validationSplit,
    gradientFormat: flags.gradients,
    deterministic: flags.deterministic,
  };
  const { optimizer } = resolveConfig(...layers, settings);
  if (flags.nesterov && 'momentum' in optimizer && optimizer.momentum === 0) {
    throw new OperatorError('--nesterov needs a --momentum above 0, like 0.9');
  }
  return settings;
}

/** The configuration that the flags ask for, over layers of settings. @throws OperatorError as {@link settingsFromFlags} */
export function configFromFlags(flags: ConfigFlags, ...layers: readonly Settings[]): RunConfig {
  return resolveConfig(...layers, settingsFromFlags(flags, layers));
}

/** What a new run shall train, as the flags say it. */
export function requestFromFlags(flags: ConfigFlags): RunRequest {
  const { recipe, workload, config } = flags;
  return { recipe, workload, config, overrides: (layers) => settingsFromFlags(flags, layers) };
}

/** A run as the flags say it. */
export function runOptionsFromFlags(flags: RunFlags): RunOptions {
  const { dataDir, runDir, resume, checkpointEvery, keepCheckpoints, onCollapse, minWorkers, deadAfter } = flags;
  const deadAfterMs = 1000 * deadAfter;
  const kept = { dataDir, runDir, resume, checkpointEvery, keepCheckpoints, onCollapse, minWorkers, deadAfterMs };
  return { ...requestFromFlags(flags), ...kept };
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
