import { Command, Option } from 'commander';
import { exitCodes, OperatorError } from '@convoy/protocol/errors';
import type { RunConfig } from '@convoy/protocol/run-config';
import { IMAGE_BYTES, IMAGE_SIZE } from '@convoy/cifar10/dataset';
import { openConfigured } from '@convoy/cifar10/open-configured';
import { positiveInteger, wholeNumber } from '@convoy/parameter-server/options';
import { addEngineOptions, type EngineFlags } from '@convoy/worker/options';
import { classNamesOf } from '../class-names.ts';
import { percent } from '../display.ts';
import { Predictor, type Guess } from '../predictor.ts';
import { CHECKPOINT_HELP, readRunParameters, type RunParameters } from '../run-parameters.ts';
import { indexWithin, SPLITS, splitSamples, type SplitName } from '../split-samples.ts';

interface PredictFlags extends EngineFlags {
  readonly run: string;
  readonly checkpoint?: string;
  readonly index: readonly number[];
  readonly split: SplitName;
  readonly top: number;
  readonly json: boolean;
}

/** An image to be asked about. */
interface Subject {
  /** The file's path, or split and index. */
  readonly name: string;
  /** uint8 RGB of shape [32, 32, 3]. */
  readonly pixels: Uint8Array;
  /** The true class, where it is known. */
  readonly truth: string | null;
}

/** `predict`: what a run's model takes image files, or images of the data set, for. */
export function predictCommand(): Command {
  const command = new Command('predict')
    .description("say what images show, by a run's model")
    .argument('[images...]', 'PNG, JPEG or WebP files of any size')
    .requiredOption('--run <folder>', "the run's folder")
    .option('--checkpoint <name>', CHECKPOINT_HELP)
    .option(
      '--index <n>',
      'an image of the data set, counted from 0 within --split; more than once for more',
      listed,
      [],
    )
    .addOption(
      new Option('--split <name>', 'the split, as the run cuts it, for --index').choices(SPLITS).default('test'),
    )
    .option('--top <n>', 'classes to name for each image, the likeliest first', positiveInteger, 3)
    .option('--data-dir <folder>', "CIFAR-10's binary files (default: $CIFAR10_DIR, else the cache, else downloaded)")
    .option('--json', 'one JSON line', false);
  return addEngineOptions(command)
    .addHelpText(
      'after',
      `
A file is turned upright as its EXIF orientation says, put on white where it is transparent, cut to the largest square
around its centre and resized to ${IMAGE_SIZE} × ${IMAGE_SIZE}; greyscale becomes RGB. Files alone need no data set.

Exit codes: ${exitCodes.ok} when every image was read; ${exitCodes.data} when one was not, after a line for each that says what to do, or the
run has no such parameters. The other images are predicted all the same.

Examples:
  $ convoy predict --run runs/20261124-051200-lesson-3f9a cat.jpg
  $ convoy predict --run runs/20261124-051200-lesson-3f9a --checkpoint best --top 5 photos/*.jpg --json
  $ convoy predict --run runs/20261124-051200-lesson-3f9a --index 0 --index 25 --split test`,
    )
    .action(predict);
}

async function predict(paths: readonly string[], flags: PredictFlags): Promise<void> {
  if (paths.length === 0 && flags.index.length === 0) {
    throw new OperatorError('name image files, or images of the data set with --index');
  }
  const parameters = await readRunParameters(flags.run, flags.checkpoint);
  const { config, checkpoint, step, sha256 } = parameters;
  const { subjects: files, unreadable } = await readFiles(paths);
  const subjects = [...files, ...(await readSamples(config, flags))];
  const classNames = await classNamesOf(config, flags.dataDir);
  for (const { reason } of unreadable) process.stderr.write(`${reason}\n`);
  if (unreadable.length > 0) process.exitCode = exitCodes.data;
  const guesses = subjects.length === 0 ? [] : await ask(parameters, subjects, flags);
  const predictions = subjects.map(({ name, truth }, n) => ({
    image: name,
    truth,
    top: guesses[n]!.slice(0, flags.top).map(({ label, probability }) => ({ class: classNames[label]!, probability })),
  }));
  if (flags.json) {
    const result = { run: flags.run, checkpoint, step, parametersSha256: sha256, predictions, unreadable };
    process.stdout.write(`${JSON.stringify(result)}\n`);
    return;
  }
  for (const { image, truth, top } of predictions) {
    const named = truth === null ? image : `${image} (${truth})`;
    const list = top.map(({ class: name, probability }) => `${name} ${percent(probability)}`).join(', ');
    process.stdout.write(`${named}: ${list}\n`);
  }
}

async function ask(
  parameters: RunParameters,
  subjects: readonly Subject[],
  flags: PredictFlags,
): Promise<readonly (readonly Guess[])[]> {
  const predictor = await Predictor.open(flags, parameters, process.env, (line) => process.stderr.write(`${line}\n`));
  try {
    return subjects.map(({ pixels }) => predictor.predict(pixels));
  } finally {
    predictor.close();
  }
}

async function readFiles(paths: readonly string[]) {
  const subjects: Subject[] = [];
  const unreadable: { readonly image: string; readonly reason: string }[] = [];
  if (paths.length === 0) return { subjects, unreadable };
  // The pictures' library is large: no other command should load it at its start.
  const { readImage } = await import('@convoy/pictures/image-file');
  for (const path of paths) {
    try {
      subjects.push({ name: path, pixels: await readImage(path, IMAGE_SIZE), truth: null });
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error;
      unreadable.push({ image: path, reason: error.message });
    }
  }
  return { subjects, unreadable };
}

async function readSamples(config: RunConfig, { index, split, dataDir }: PredictFlags): Promise<readonly Subject[]> {
  if (index.length === 0) return [];
  const dataset = await openConfigured(config.dataset, { dataDir, environment: process.env });
  const samples = splitSamples(split, config, dataset);
  return index.map((n) => {
    const pixels = new Uint8Array(IMAGE_BYTES);
    const label = dataset.read(samples.split, indexWithin(samples, n), pixels, 0);
    return { name: `${split} ${n}`, pixels, truth: dataset.classNames[label]! };
  });
}

function listed(text: string, before: readonly number[]): readonly number[] {
  return [...before, wholeNumber(text)];
}
