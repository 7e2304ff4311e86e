import { join } from 'node:path';
import { Command, Option } from 'commander';
import { exitCodes, OperatorError } from '@convoy/protocol/errors';
import type { ConfusionFigures } from '@convoy/pictures/confusion-chart';
import { addEngineOptions } from '../flags/engine.ts';
import { computeOptions, threadsPerWorker, type EngineOptions } from '@convoy/worker/engine-options';
import { workloadOption } from '../flags/workload.ts';
import { metricText } from '../display.ts';
import { confusionTable } from '../evaluation/confusion-table.ts';
import { evaluateRun, type EvaluatedSplit } from '@convoy/convoy/evaluate-run';
import { CHECKPOINT_HELP, readRunParameters } from '@convoy/convoy/run-parameters';

interface EvaluateFlags extends EngineOptions {
  readonly run: string;
  readonly checkpoint?: string;
  readonly split: EvaluatedSplit;
  readonly out?: string;
  readonly workload?: string;
  readonly json: boolean;
}

/** `evaluate`: a run's parameters on the test or validation samples, class by class. */
export function evaluateCommand(): Command {
  const command = new Command('evaluate')
    .description("evaluate a run's parameters, piece by piece as the run itself does, and count what is taken for what")
    .requiredOption('--run <folder>', "the run's folder")
    .option('--checkpoint <name>', CHECKPOINT_HELP)
    .addOption(new Option('--split <name>', 'samples to evaluate').choices(['test', 'validation']).default('test'))
    .option('--out <file>', "the confusion matrix as a .png or .svg (default: both, in the run's folder)")
    .option('--data-dir <folder>', "CIFAR-10's binary files (default: $CIFAR10_DIR, else the cache, else downloaded)")
    .addOption(workloadOption())
    .option('--json', 'one JSON line instead of the table', false);
  return addEngineOptions(command)
    .addHelpText(
      'after',
      `
Without --out the picture is confusion-<split>-step-<n>.svg and .png.

Exit codes: ${exitCodes.ok} when it was evaluated; ${exitCodes.data} when the run has no such parameters, or they are damaged.

Examples:
  $ convoy evaluate --run runs/20261124-051200-quick-3f9a
  $ convoy evaluate --run runs/20261124-051200-quick-3f9a --checkpoint best --split validation --json
  $ convoy evaluate --run runs/20261124-051200-quick-3f9a --out confusion.svg`,
    )
    .action(evaluate);
}

async function evaluate(flags: EvaluateFlags): Promise<void> {
  const { assertPictureName } = await import('@convoy/pictures/picture-file');
  if (flags.out !== undefined) assertPictureName(flags.out);
  const parameters = await readRunParameters(flags.run, flags.checkpoint, flags.workload);
  const options = computeOptions(flags, threadsPerWorker(flags, parameters.config.deterministic, 1), process.env);
  const evaluation = await evaluateRun(parameters, flags.split, options, (line) => process.stderr.write(`${line}\n`));
  const { loss, samples, step, classes, confusion } = evaluation;
  const figures = `${flags.split} ${metricText(evaluation)}, loss ${loss.toFixed(4)} over ${samples} samples, after ${step} steps`;
  if (confusion === null) {
    process.stdout.write(flags.json ? `${JSON.stringify({ run: flags.run, ...evaluation })}\n` : `${figures}\n`);
    return;
  }
  const files = await draw(flags, step, {
    title: `${flags.run}: what is taken for what`,
    subtitle: figures,
    classNames: classes,
    counts: confusion,
  });
  process.stdout.write(
    flags.json
      ? `${JSON.stringify({ run: flags.run, ...evaluation, files })}\n`
      : `${figures}\nrows: the true class, columns: what it was taken for\n${confusionTable(confusion, classes)}\n`,
  );
  if (files.length > 0) process.stderr.write(`drawn: ${files.join(', ')}\n`);
}

async function draw(
  { run, split, out }: EvaluateFlags,
  step: number,
  figures: ConfusionFigures,
): Promise<readonly string[]> {
  // The chart's library is large: no other command should load it at its start.
  const { confusionChart } = await import('@convoy/pictures/confusion-chart');
  const { writePicture } = await import('@convoy/pictures/picture-file');
  const svg = confusionChart(figures);
  const name = `confusion-${split}-step-${step}`;
  const paths = out === undefined ? [join(run, `${name}.svg`), join(run, `${name}.png`)] : [out];
  try {
    for (const path of paths) writePicture(path, svg);
  } catch (error) {
    // Somebody else's run may be there to be read only: the figures count.
    if (out !== undefined || !(error instanceof OperatorError)) throw error;
    process.stderr.write(`${error.message}; to draw elsewhere, say --out\n`);
    return [];
  }
  return paths;
}
