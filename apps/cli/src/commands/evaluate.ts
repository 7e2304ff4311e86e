import { join } from 'node:path';
import type { Command } from 'commander';
import { countOf, metricText } from '@convoy/protocol/event-words';
import { exitCodes, OperatorError } from '@convoy/protocol/errors';
import type { ConfusionFigures } from '@convoy/pictures/confusion-chart';
import { addFlags, flagTable, type FlagValues } from '../flags/flag.ts';
import { newCommand } from '../flags/help.ts';
import { checkpointFlag, dataFlags, engineFlags, jsonFlag, quietFlag } from '../flags/run.ts';
import type { ComputeOptions } from '@convoy/worker/compute/compute';
import { computeOptions, threadsPerWorker } from '@convoy/worker/engine-options';
import { confusionTable } from '../evaluation/confusion-table.ts';
import { evaluateRun, type RunEvaluation } from '@convoy/convoy/evaluate-run';
import { readRunParameters, type RunParameters } from '@convoy/convoy/run-parameters';
import { runFlag, runNamed } from '../run-argument.ts';
import { Display } from '../terminal/display.ts';

const evaluateFlags = flagTable({
  ...runFlag,
  ...checkpointFlag,
  split: {
    takes: '<name>',
    choices: ['test', 'validation'],
    help: 'the samples to evaluate',
    default: 'test',
  },
  out: {
    takes: '<file>',
    help: 'write the confusion matrix to this .png or .svg',
    defaultText: "both, in the run's folder",
  },
  ...dataFlags,
  ...jsonFlag,
  ...quietFlag,
  ...engineFlags,
});
type EvaluateFlags = FlagValues<typeof evaluateFlags> & { readonly run: string };

/** `evaluate`: a run's parameters on the test or validation samples, class by class. */
export function evaluateCommand(): Command {
  const command = newCommand('evaluate')
    .description("evaluate a run's model and draw its confusion matrix")
    .argument('[run]', "the run's folder");
  return addFlags(command, evaluateFlags)
    .addHelpText(
      'after',
      `
Without --out, the pictures are confusion-<split>-step-<n>.svg and .png.

Exit codes: ${exitCodes.ok} on success; ${exitCodes.data} when the run has no such parameters, or they are damaged.

Examples:
  $ convoy evaluate runs/20261124-051200-quick-3f9a
  $ convoy evaluate runs/20261124-051200-quick-3f9a --checkpoint best --split validation --json
  $ convoy evaluate runs/20261124-051200-quick-3f9a --out confusion.svg`,
    )
    .action(evaluate);
}

async function evaluate(
  named: string | undefined,
  given: FlagValues<typeof evaluateFlags>,
  command: Command,
): Promise<void> {
  const flags: EvaluateFlags = { ...given, run: runNamed(named, given, command) };
  const { assertPictureName } = await import('@convoy/pictures/picture-file');
  if (flags.out !== undefined) assertPictureName(flags.out);
  const parameters = await readRunParameters(flags.run, flags.checkpoint, flags.workload);
  const note = (line: string) => void process.stderr.write(`${line}\n`);
  const threads = threadsPerWorker(flags, parameters.config.deterministic, 1);
  const options = computeOptions(flags, threads, process.env, note);
  const evaluation = await evaluateShown(parameters, flags, options, note);
  const { loss, samples, step, classes, confusion } = evaluation;
  const figures = `${flags.split} ${metricText(evaluation)}, loss ${loss.toFixed(4)} over ${countOf(samples, 'sample')}, after ${countOf(step, 'step')}`;
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
  if (files.length > 0 && !flags.quiet) process.stderr.write(`drawn: ${files.join(', ')}\n`);
}

/** Shows how far it is. */
async function evaluateShown(
  parameters: RunParameters,
  { split, quiet }: EvaluateFlags,
  options: ComputeOptions,
  note: (line: string) => void,
): Promise<RunEvaluation> {
  const display = new Display({ quiet });
  try {
    return await evaluateRun(parameters, split, options, note, (done, total) =>
      display.progress({ label: 'evaluating', done, total, unit: 'pieces' }),
    );
  } finally {
    display.close();
  }
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
