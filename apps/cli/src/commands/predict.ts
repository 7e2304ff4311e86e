import type { Command } from 'commander';
import { exitCodes, OperatorError } from '@convoy/protocol/errors';
import { IMAGE_SIZE, type Inputs } from '@convoy/model/dataset';
import { addFlags, flagTable, type FlagValues } from '../flags/flag.ts';
import { newCommand } from '../flags/help.ts';
import { checkpointFlag, dataFlags, engineFlags, jsonFlag } from '../flags/run.ts';
import { positiveInteger, wholeNumber } from '../flags/values.ts';
import { openData } from '@convoy/workload/open-workload';
import { percent } from '@convoy/protocol/metric';
import { fromRgb, imageSamples } from '@convoy/model/image-samples';
import { Predictor } from '@convoy/convoy/predictor';
import { ranked } from '@convoy/training/evaluation/ranked';
import { classNamesOf, readRunParameters, type RunParameters } from '@convoy/convoy/run-parameters';
import { indexWithin, SPLITS, splitSamples } from '@convoy/convoy/split-samples';
import { runNamed } from '../run-argument.ts';

const predictFlags = flagTable({
  run: { takes: '<folder>', help: "the run's folder; all arguments are images then" },
  ...checkpointFlag,
  index: {
    takes: '<n>',
    parse: (text: string, before: readonly number[]): readonly number[] => [...before, wholeNumber(text)],
    help: 'predict this sample of --split, counted from 0; give it again for more samples',
    default: [] as readonly number[],
  },
  split: { takes: '<name>', choices: SPLITS, help: 'the split that --index counts in', default: 'test' },
  top: {
    takes: '<n>',
    parse: positiveInteger,
    help: 'number of classes to name for each image, the most likely first',
    default: 3 as number,
  },
  ...dataFlags,
  ...jsonFlag,
  ...engineFlags,
});
type PredictFlags = FlagValues<typeof predictFlags> & { readonly run: string };

/** A sample to be asked about. */
interface Subject {
  /** The file's path, or split and index. */
  readonly name: string;
  /** As the model takes it. */
  readonly input: Inputs;
  /** The true class, or the true values, where they are known. */
  readonly truth: string | readonly number[] | null;
}

/** What the model says of a subject. */
interface Prediction extends Pick<Subject, 'truth'> {
  readonly image: string;
  /** A classification's most probable classes. */
  readonly top?: readonly { readonly class: string; readonly probability: number }[];
  /** A regression's outputs. */
  readonly values?: readonly number[];
}

/** `predict`: what a run's model takes image files, or samples of the data set, for. */
export function predictCommand(): Command {
  const command = newCommand('predict')
    .description("predict what images show with a run's model")
    .argument('[run]', "the run's folder, unless --run names it")
    .argument('[images...]', 'PNG, JPEG or WebP files of any size');
  return addFlags(command, predictFlags)
    .addHelpText(
      'after',
      `
Each image is turned upright by its EXIF orientation, put on white where it is transparent, cropped to the largest centred
square and resized to the model's input, ${IMAGE_SIZE} × ${IMAGE_SIZE} for CIFAR-10. Greyscale becomes RGB. Image files alone need no data set.
A regression prints the values of its outputs.

Exit codes: ${exitCodes.ok} when every image was read; ${exitCodes.data} when an image could not be read (the others are predicted
all the same), or the run has no such parameters.

Examples:
  $ convoy predict runs/20261124-051200-lesson-3f9a cat.jpg
  $ convoy predict runs/20261124-051200-lesson-3f9a --checkpoint best --top 5 photos/*.jpg --json
  $ convoy predict runs/20261124-051200-lesson-3f9a --index 0 --index 25 --split test`,
    )
    .action(predict);
}

async function predict(
  first: string | undefined,
  rest: readonly string[],
  given: FlagValues<typeof predictFlags>,
  command: Command,
): Promise<void> {
  const isNamed = given.run !== undefined;
  const paths = isNamed && first !== undefined ? [first, ...rest] : rest;
  const flags: PredictFlags = { ...given, run: runNamed(isNamed ? undefined : first, given, command) };
  if (paths.length === 0 && flags.index.length === 0) {
    throw new OperatorError('name image files, or images of the data set with --index');
  }
  const { workload } = flags;
  const parameters = await readRunParameters(flags.run, flags.checkpoint, workload);
  const { config, checkpoint, step, sha256 } = parameters;
  const { subjects: files, unreadable } = await readFiles(paths, parameters);
  const subjects = [...files, ...(await readSamples(parameters, flags))];
  const classNames = await classNamesOf(config, workload);
  for (const { reason } of unreadable) process.stderr.write(`${reason}\n`);
  if (unreadable.length > 0) process.exitCode = exitCodes.data;
  const answers = subjects.length === 0 ? [] : await ask(parameters, subjects, flags);
  const predictions = subjects.map(({ name, truth }, n): Prediction => {
    const answer = answers[n]!;
    if (classNames.length === 0) return { image: name, truth, values: Array.from(answer) };
    const top = ranked(answer).slice(0, flags.top);
    return {
      image: name,
      truth,
      top: top.map(({ label, probability }) => ({ class: classNames[label]!, probability })),
    };
  });
  if (flags.json) {
    const result = { run: flags.run, checkpoint, step, parametersSha256: sha256, predictions, unreadable };
    process.stdout.write(`${JSON.stringify(result)}\n`);
    return;
  }
  for (const { image, truth, top, values = [] } of predictions) {
    const named = truth === null ? image : `${image} (${typeof truth === 'string' ? truth : listOf(truth)})`;
    const list = top?.map(({ class: name, probability }) => `${name} ${percent(probability)}`).join(', ');
    process.stdout.write(`${named}: ${list ?? listOf(values)}\n`);
  }
}

function listOf(values: readonly number[]): string {
  return values.map((value) => Number(value.toPrecision(6))).join(', ');
}

async function ask(
  parameters: RunParameters,
  subjects: readonly Subject[],
  flags: PredictFlags,
): Promise<readonly Float64Array[]> {
  const predictor = await Predictor.open(flags, parameters, process.env, (line) => process.stderr.write(`${line}\n`));
  try {
    return subjects.map(({ input }) => predictor.ask(input));
  } finally {
    predictor.close();
  }
}

async function readFiles(paths: readonly string[], { model }: RunParameters) {
  const subjects: Subject[] = [];
  const unreadable: { readonly image: string; readonly reason: string }[] = [];
  if (paths.length === 0) return { subjects, unreadable };
  const samples = imageSamples(model.input);
  // The pictures' library is large: no other command should load it at its start.
  const { readImage } = await import('@convoy/pictures/image-file');
  for (const path of paths) {
    try {
      const rgb = await readImage(path, samples.size);
      subjects.push({ name: path, input: fromRgb(rgb, samples), truth: null });
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error;
      unreadable.push({ image: path, reason: error.message });
    }
  }
  return { subjects, unreadable };
}

async function readSamples(
  { config, model }: RunParameters,
  { index, split, dataDir, workload }: PredictFlags,
): Promise<readonly Subject[]> {
  if (index.length === 0) return [];
  const dataset = await openData(config, { dataDir, workload, environment: process.env });
  const samples = splitSamples(split, config, dataset);
  const { size, type } = model.input;
  return index.map((n) => {
    const input = type === 'uint8' ? new Uint8Array(size) : new Float32Array(size);
    const truth = dataset.read(samples.split, indexWithin(samples, n), input, 0);
    return {
      name: `${split} ${n}`,
      input,
      truth: typeof truth === 'number' ? dataset.classNames[truth]! : Array.from(truth),
    };
  });
}
