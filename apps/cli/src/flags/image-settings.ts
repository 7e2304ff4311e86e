import { datasets, type DatasetName } from '@convoy/cifar10/datasets';
import { SYNTHETIC_DEFAULTS } from '@convoy/cifar10/synthetic';
import type { RunConfig } from '@convoy/protocol/run-config';
import type { Settings } from '@convoy/training/settings';
import { flagTable } from './flag.ts';
import { between, positiveInteger, someOf, wholeBetween } from './values.ts';

// The settings that decide which images a run trains on: of `convoy train`, and of `convoy show`, which shows them.

/** The groups of help that they are in. */
export const DATA = 'Model and data:';
export const REGULARIZATION = 'Regularization and augmentation:';

/** Pixels by which images are padded before they are cropped, as is usual for images of 32. */
const CROP_PADDING = 4;

/** Where training and validation images come from. */
export const datasetFlags = flagTable({
  dataset: {
    takes: '<name>',
    choices: Object.keys(datasets) as DatasetName[],
    help: 'images to train on',
    defaultText: 'cifar10',
    group: DATA,
    isCommon: true,
    setting: 'dataset.name',
  },
  syntheticSize: {
    takes: '<n>',
    parse: positiveInteger,
    help: 'number of synthetic training images; the test set has a fifth as many',
    defaultText: String(SYNTHETIC_DEFAULTS.trainCount),
    group: DATA,
    // Alone, the size is that of the set which replaces CIFAR-10 where it can't be had.
    setting: (trainCount: number, { dataset }: RunConfig): Settings =>
      dataset.name === 'synthetic' ? { dataset: { trainCount } } : {},
  },
});

/** What is done to training images. */
export const augmentationFlags = flagTable({
  augment: {
    takes: '<list>',
    parse: someOf(['crop', 'flip']),
    text: (names: readonly string[]) => names.join() || 'none',
    help: `augment training images: crop (after padding by ${CROP_PADDING} pixels), flip, crop,flip or none`,
    group: REGULARIZATION,
    setting: (names: readonly ('crop' | 'flip')[]): Settings => ({
      augmentation: { crop: names.includes('crop') ? CROP_PADDING : 0, flip: names.includes('flip') },
    }),
  },
  cutout: {
    takes: '<pixels>',
    parse: wholeBetween(0, 64),
    help: 'cover a square of this size in each training image with grey',
    group: REGULARIZATION,
    setting: 'augmentation.cutout',
  },
  mixup: {
    takes: '<alpha>',
    parse: between(0, 8),
    help: 'blend pairs of training images, with weights drawn from Beta(alpha, alpha)',
    group: REGULARIZATION,
    setting: 'augmentation.mixup',
  },
});
