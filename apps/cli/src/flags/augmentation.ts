import { InvalidArgumentError, Option } from 'commander';
import type { Settings } from '@convoy/training/settings';

/** Options that say what is done to training images; what is absent comes from the configuration below. */
export interface AugmentationFlags {
  readonly augment?: readonly AugmentationName[];
  readonly cutout?: number;
  readonly mixup?: number;
}

/** Their names: a resumed run can't be given others. */
export const AUGMENTATION_FLAGS: readonly (keyof AugmentationFlags)[] = ['augment', 'cutout', 'mixup'];

const NAMES = ['crop', 'flip'] as const;
type AugmentationName = (typeof NAMES)[number];

/** Pixels by which images are continued before they are cropped, as is usual for images of 32. */
const CROP_PADDING = 4;

export function augmentOption(): Option {
  return new Option(
    '--augment <list>',
    `what to do to training images: crop (of ${CROP_PADDING} pixels more at each side), flip, both: crop,flip, or none`,
  ).argParser(names);
}

export function cutoutOption(): Option {
  return new Option('--cutout <pixels>', 'grey out a square of this size in each training image').argParser((text) =>
    withinBounds(text, 0, 64, true),
  );
}

export function mixupOption(): Option {
  return new Option(
    '--mixup <alpha>',
    'mix each training image with another, by weights from Beta(alpha, alpha)',
  ).argParser((text) => withinBounds(text, 0, 8, false));
}

/** What the flags ask for, over what the configuration below has; undefined when they ask for nothing. */
export function augmentationFromFlags(flags: AugmentationFlags): Settings['augmentation'] {
  if (AUGMENTATION_FLAGS.every((name) => flags[name] === undefined)) return undefined;
  const { augment, cutout, mixup } = flags;
  const crop = augment?.includes('crop') ? CROP_PADDING : 0;
  return { ...(augment && { crop, flip: augment.includes('flip') }), cutout, mixup };
}

function names(text: string): readonly AugmentationName[] {
  if (text.trim() === 'none') return [];
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
