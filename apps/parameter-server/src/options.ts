import { InvalidArgumentError, Option, type Command } from 'commander';
import { OperatorError } from '@convoy/protocol/errors';
import type { DatasetConfig, RunConfig } from '@convoy/protocol/run-config';
import { DEFAULT_RECIPE, DEFAULT_SEED, recipes, resolveConfig } from '@convoy/training/config';

/** Options that decide what a run computes, as the command line gives them. */
export interface RunFlags {
  readonly recipe: string;
  readonly dataset: DatasetConfig['name'];
  readonly dataDir?: string;
  readonly epochs?: number;
  readonly steps?: number;
  readonly batchSize?: number;
  readonly microBatch?: number;
  readonly seed: number;
  readonly lr?: number;
  readonly dropout: boolean;
  readonly shuffle: boolean;
  readonly validationSplit?: number;
  readonly deterministic: boolean;
  readonly runDir?: string;
  readonly minWorkers: number;
  readonly json: boolean;
}

/** The set that `--dataset synthetic` names; its size is CIFAR-10's. */
export const SYNTHETIC: DatasetConfig = { name: 'synthetic', seed: 1, trainCount: 50_000, testCount: 10_000 };

/** Adds a run's options to a command. */
export function addRunOptions(command: Command): Command {
  const names = Object.entries(recipes).map(([name, { about }]) => `${name} (${about})`);
  return command
    .addOption(
      new Option('--recipe <name>', `settings to start from: ${names.join('; ')}`)
        .choices(Object.keys(recipes))
        .default(DEFAULT_RECIPE),
    )
    .addOption(new Option('--dataset <name>', 'what to train on').choices(['cifar10', 'synthetic']).default('cifar10'))
    .option('--data-dir <folder>', "CIFAR-10's binary files (default: $CIFAR10_DIR, else the cache, else downloaded)")
    .option('--epochs <n>', 'passes over the training samples', positiveInteger)
    .option('--steps <n>', 'stop after this many optimizer steps', positiveInteger)
    .option('--batch-size <n>', 'samples per step, over all workers', positiveInteger)
    .option('--micro-batch <n>', 'samples per gradient: the smallest piece a worker is given', positiveInteger)
    .option('--seed <n>', 'seeds the initial parameters, the order of the data and dropout', wholeNumber, DEFAULT_SEED)
    .option('--lr <rate>', "Adam's learning rate", positiveNumber)
    .option('--no-dropout', 'train without dropout')
    .option('--no-shuffle', 'take the samples in the order of the files')
    .option('--validation-split <f>', 'fraction held out from the end of the training samples', fraction)
    .option('--deterministic', 'the same bits for any number of workers: one thread each, equal arithmetic', false)
    .option('--min-workers <n>', 'pause below this many workers', positiveInteger, 1)
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
    dataset,
    epochs: flags.epochs,
    maxSteps: flags.steps,
    globalBatchSize: flags.batchSize,
    microBatchSize: flags.microBatch,
    seed: flags.seed,
    learningRate: flags.lr,
    dropout: flags.dropout ? undefined : false,
    shuffle: flags.shuffle ? undefined : false,
    validationSplit: flags.validationSplit,
    deterministic: flags.deterministic,
  });
}

export function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError('It must be a whole number, 1 or more.');
  return value;
}

export function wholeNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isSafeInteger(value) || value < 0) {
    throw new InvalidArgumentError('It must be a whole number, 0 or more.');
  }
  return value;
}

function positiveNumber(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value < Infinity)) throw new InvalidArgumentError('It must be a number above 0.');
  return value;
}

function fraction(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value < 1))
    throw new InvalidArgumentError('It must be at least 0 and below 1.');
  return value;
}
