import { InvalidArgumentError, Option } from 'commander';
import { AUGMENTATION_VERSION, type Augmentation } from '@convoy/protocol/run-config';

/** Options that say what is done to training images. */
export interface AugmentationFlags {
  readonly augment: readonly AugmentationName[];
  readonly cutout: number;
  readonly mixup: number;
}

const NAMES = ['crop', 'flip'] as const;
type AugmentationName = (typeof NAMES)[number];

/** Pixels by which images are continued before they are cropped, as is usual for images of 32. */
const CROP_PADDING = 4;

export function augmentOption(): Option {
  return new Option(
    '--augment <list>',
    `what to do to training images: crop (of ${CROP_PADDING} pixels more at each side), flip, or both: crop,flip`,
  )
    .argParser(names)
    .default([], 'none');
}

export function cutoutOption(): Option {
  return new Option('--cutout <pixels>', 'grey out a square of this size in each training image')
    .argParser((text) => withinBounds(text, 1, 64, true))
    .default(0, 'none');
}

export function mixupOption(): Option {
  return new Option('--mixup <alpha>', 'mix each training image with another, by weights from Beta(alpha, alpha)')
    .argParser((text) => withinBounds(text, 0, 8, false))
    .default(0, 'none');
}

/** What the flags ask for; null for nothing. */
export function augmentationFromFlags({ augment, cutout, mixup }: AugmentationFlags): Augmentation | null {
  if (augment.length === 0 && cutout === 0 && mixup === 0) return null;
  const crop = augment.includes('crop') ? CROP_PADDING : 0;
  return { version: AUGMENTATION_VERSION, crop, flip: augment.includes('flip'), cutout, mixup };
}

function names(text: string): readonly AugmentationName[] {
  return text.split(',').map((name) => {
    const known = NAMES.find((each) => each === name.trim());
    if (known === undefined)
      throw new InvalidArgumentError(`It must be some of ${NAMES.join(',')}, with commas between.`);
    return known;
  });
}

function withinBounds(text: string, least: number, most: number, isWhole: boolean): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= least && value <= most) || (isWhole && !Number.isInteger(value))) {
    throw new InvalidArgumentError(`It must be a ${isWhole ? 'whole ' : ''}number from ${least} to ${most}.`);
  }
  return value;
}
