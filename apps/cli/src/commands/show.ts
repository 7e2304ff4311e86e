import type { Command } from 'commander';
import { countOf } from '@convoy/protocol/event-words';
import { OperatorError } from '@convoy/protocol/errors';
import type { RunConfig } from '@convoy/protocol/run-config';
import { purposes } from '@convoy/numerics/random/purposes';
import { randomStream } from '@convoy/numerics/random/stream';
import { resolveLayers } from '@convoy/training/config';
import { Augmenter } from '@convoy/model/augment';
import { readBatch } from '@convoy/model/batch';
import type { Dataset, Split } from '@convoy/model/dataset';
import { WHOLE_WEIGHT } from '@convoy/model/mixup-weight';
import { readConfig } from '@convoy/run-store/run-folder';
import { addFlags, flagTable, longOf, type FlagValues } from '../flags/flag.ts';
import { newCommand } from '../flags/help.ts';
import { dataFlags } from '../flags/run.ts';
import { augmentationFlags, datasetFlags } from '../flags/image-settings.ts';
import { settingsFromFlags } from '../flags/settings-from-flags.ts';
import type { Tile } from '@convoy/pictures/image-grid';
import { positiveInteger, wholeNumber } from '../flags/values.ts';
import { openData, openWorkload } from '@convoy/workload/open-workload';
import { Display } from '../terminal/display.ts';
import { imageSamples, toRgb } from '@convoy/model/image-samples';
import { indexWithin, SPLITS, splitSamples, type SplitSamples } from '@convoy/convoy/split-samples';
import { stopSignals } from '../stop-signals.ts';

const MOST_COLUMNS = 5;
/** A larger picture is none to look at. */
const MOST_IMAGES = 1_000;

const showFlags = flagTable({
  split: {
    takes: '<name>',
    choices: SPLITS,
    help: "the samples to draw from, split as in the lesson's recipe",
    default: 'train',
  },
  count: {
    takes: '<n>',
    parse: positiveInteger,
    help: `number of images, ${MOST_COLUMNS} in a row`,
    default: 25 as number,
  },
  start: {
    takes: '<n>',
    parse: wholeNumber,
    help: 'the first image, counted from 0',
    default: 0 as number,
    conflicts: ['seed'],
  },
  seed: {
    takes: '<n>',
    parse: wholeNumber,
    help: 'draw images at random instead; the same seed gives the same images',
  },
  ...datasetFlags,
  ...dataFlags,
  ...augmentationFlags,
  out: { takes: '<file>', help: 'the .png or .svg to write', default: 'grid.png' as string },
});
type ShowFlags = FlagValues<typeof showFlags>;

/** What a run has settled. */
const SETTLED = ['dataset', 'syntheticSize'] as const;

/** `show`: images of the data set with their classes, as the lesson's grid. */
export function showCommand(): Command {
  const command = newCommand('show')
    .description('draw images of the data set in a grid, each above its class')
    .argument('[run]', "a run's folder: its data, split and augmented as it trains on them");
  return addFlags(command, showFlags)
    .addHelpText(
      'after',
      `
Examples:
  $ convoy show                                          the first 25 training images, as grid.png
  $ convoy show --split test --count 40 --seed 3 --out test.svg
  $ convoy show --augment crop,flip --cutout 8           as a run would train on them
  $ convoy show --dataset synthetic --start 100
  $ convoy show runs/20261124-051200-lesson-3f9a         what this run trains on`,
    )
    .action(show);
}

async function show(run: string | undefined, flags: ShowFlags): Promise<void> {
  if (flags.count > MOST_IMAGES) throw new OperatorError(`--count (${flags.count}) must be ${MOST_IMAGES} or less`);
  // The pictures' library is large: no other command should load it at its start.
  const { assertPictureName, writePicture } = await import('@convoy/pictures/picture-file');
  const { imageGrid } = await import('@convoy/pictures/image-grid');
  assertPictureName(flags.out);
  const workload = await openWorkload(flags.workload);
  const { config } = resolveLayers(workload, [
    { settings: workload.settings },
    { settings: run === undefined ? {} : settledIn(run, flags) },
    { settings: (below) => settingsFromFlags(seen(flags), below) },
  ]);
  const dataset = await open(config, flags);
  const { size } = imageSamples({ shape: dataset.inputShape, type: dataset.inputType });
  const samples = splitSamples(flags.split, config, dataset);
  const tiles = tilesOf(dataset, samples.split, choose(samples, flags), config);
  const columns = Math.min(MOST_COLUMNS, tiles.length);
  writePicture(flags.out, await imageGrid(tiles, { size, columns }));
  process.stdout.write(`${countOf(tiles.length, 'image')} of ${dataset.name}, ${flags.split}: ${flags.out}\n`);
}

/** @throws OperatorError when the folder is no run's, or the flags name other data than the run's. */
function settledIn(run: string, flags: ShowFlags): RunConfig {
  const given = SETTLED.find((name) => flags[name] !== undefined);
  if (given !== undefined) throw new OperatorError(`${run} has its own data: leave ${longOf(given)} out`);
  return readConfig(run);
}

/** The flags that are settings of a run as well. */
function seen({ dataset, syntheticSize, augment, cutout, mixup, seed }: ShowFlags) {
  return { dataset, syntheticSize, augment, cutout, mixup, seed };
}

/** The images with their classes, augmented as one micro-batch of the seed's first epoch if that is asked for. */
function tilesOf(
  dataset: Dataset,
  split: Split,
  indices: readonly number[],
  { augmentation, seed }: RunConfig,
): readonly Tile[] {
  const samples = imageSamples({ shape: dataset.inputShape, type: dataset.inputType });
  const { size, channels } = samples;
  const imageBytes = size * size * channels;
  const bytes = new Uint8Array(indices.length * imageBytes);
  const { labels, values } = readBatch(dataset, split, indices, bytes);
  const { images, mixing } =
    augmentation === null
      ? { images: bytes, mixing: null }
      : new Augmenter(augmentation, [size, size, channels]).augment(bytes, {
          seed,
          epoch: 0,
          positions: { start: 0, end: indices.length },
        });
  return indices.map((_, n) => {
    const pixels = toRgb(images.subarray(n * imageBytes, (n + 1) * imageBytes), samples);
    if (values !== null) {
      const each = values.length / indices.length;
      const own = Array.from(values.subarray(n * each, (n + 1) * each), (value) => Number(value.toPrecision(4)));
      return { pixels, label: own.join(', ') };
    }
    const name = dataset.classNames[labels[n]!]!;
    // A second name would not fit under the image; the share says how much of it is another's.
    const isMixed = mixing !== null && labels[mixing.partners[n]!] !== labels[n];
    const label = isMixed ? `${name} ${Math.round((100 * mixing.weights[n]!) / WHOLE_WEIGHT)} %` : name;
    return { pixels, label };
  });
}

async function open(config: RunConfig, { dataDir, workload }: ShowFlags): Promise<Dataset> {
  const display = new Display();
  const { signal } = stopSignals();
  const options = { dataDir, workload, environment: process.env, signal, onProgress: display.download };
  try {
    return await openData(config, options);
  } finally {
    display.close();
  }
}

/** Indices into the data set: `count` in a row from `start` on, or as many different ones at random. */
function choose(samples: SplitSamples, { count, start, seed }: ShowFlags): readonly number[] {
  if (count > samples.count) {
    throw new OperatorError(
      `--count (${count}) must be no more than the ${countOf(samples.count, 'sample')} of ${samples.name}`,
    );
  }
  if (seed === undefined) return Array.from({ length: count }, (_, n) => indexWithin(samples, start + n));
  const random = randomStream(seed, purposes.show);
  const chosen = new Set<number>();
  while (chosen.size < count) chosen.add(samples.start + random.below(samples.count));
  return [...chosen];
}
