import { Option, type Command } from 'commander';
import type { BuiltInDataset, DatasetConfig } from '@convoy/protocol/run-config';
import { DEFAULT_SYNTHETIC_SIZE, syntheticConfig, type Settings } from '@convoy/training/settings';
import { positiveInteger } from './values.ts';

/** Options that say which images, as the command line gives them. */
export interface DatasetFlags {
  readonly dataset?: BuiltInDataset['name'];
  readonly syntheticSize?: number;
  readonly dataDir?: string;
}

/** Adds the options that say which images. */
export function addDatasetOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--dataset <name>', 'whose images (default: cifar10, or as the configuration has it)').choices([
        'cifar10',
        'synthetic',
      ]),
    )
    .option(
      '--synthetic-size <n>',
      `training images of the synthetic set; the test has a fifth as many (default: ${DEFAULT_SYNTHETIC_SIZE})`,
      positiveInteger,
    )
    .option('--data-dir <folder>', "CIFAR-10's binary files (default: $CIFAR10_DIR, else the cache, else downloaded)");
}

/**
 * The data set as the flags ask for it.
 * @param below the data set where they do not.
 */
export function datasetFromFlags(
  { dataset, syntheticSize }: DatasetFlags,
  below: DatasetConfig = { name: 'cifar10' },
): Settings['dataset'] {
  // A size alone is for the set that takes the place of one that can't be had.
  if ((dataset ?? below.name) !== 'synthetic' || syntheticSize === undefined) return dataset && { name: dataset };
  const { trainCount, testCount } = syntheticConfig({ syntheticSize });
  return { name: 'synthetic', trainCount, testCount };
}
