import { join } from 'node:path';
import type { Command } from 'commander';
import { countOf } from '@convoy/protocol/event-words';
import { exitCodes } from '@convoy/protocol/errors';
import { EXPORT_ENDINGS, EXPORT_FORMATS } from '@convoy/export/formats';
import { readRunId } from '@convoy/run-store/run-folder';
import { addFlags, flagTable, pickFlags, type FlagValues } from '../flags/flag.ts';
import { newCommand } from '../flags/help.ts';
import { checkpointFlag, dataFlags, jsonFlag } from '../flags/run.ts';
import { workloadOf } from '@convoy/workload/open-workload';
import { classNamesOf, readRunParameters } from '@convoy/convoy/run-parameters';
import { runFlag, runNamed } from '../run-argument.ts';

const exportFlags = flagTable({
  ...runFlag,
  format: { takes: '<name>', choices: EXPORT_FORMATS, help: 'the format to write', isRequired: true },
  ...checkpointFlag,
  ...pickFlags(dataFlags, 'workload'),
  out: {
    takes: '<path>',
    help: 'the file to write, or for layers-model the folder',
    defaultText: "model-step-<n> in the run's folder",
  },
  force: { help: 'replace an existing export', default: false as boolean },
  ...jsonFlag,
});
type ExportFlags = FlagValues<typeof exportFlags>;

/** How a trained model's inputs are made of bytes, as `scaleBytes` does. */
const BYTES = 'bytes, each value / 255; of an image its RGB pixels, row by row';

/** `export`: a run's model as a file for other programs. */
export function exportCommand(): Command {
  const command = newCommand('export')
    .description("write a run's model as a file that TensorFlow.js, Keras and others can open")
    .argument('[run]', "the run's folder");
  return addFlags(command, exportFlags)
    .addHelpText(
      'after',
      `
Formats:
  layers-model   a folder with model.json and weights, for tf.loadLayersModel of TensorFlow.js, in Node and browsers
  safetensors    one file of named tensors
  keras          a .keras file, for keras.models.load_model of Keras 3; with --out <name>.weights.h5 the weights alone
docs/export.md shows how to open each. Moving statistics are exported, the optimizer's state is not.

Exit codes: ${exitCodes.ok} on success; ${exitCodes.usage} when the file can't be written; ${exitCodes.data} when the run has no such parameters, or
they are damaged.

Examples:
  $ convoy export runs/20261124-051200-lesson-3f9a --format layers-model --out web/model
  $ convoy export runs/20261124-051200-lesson-3f9a --format keras --checkpoint best`,
    )
    .action(exportRun);
}

async function exportRun(named: string | undefined, flags: ExportFlags, command: Command): Promise<void> {
  const folder = runNamed(named, flags, command);
  const { format, force } = flags;
  const { workload } = flags;
  const parameters = await readRunParameters(folder, flags.checkpoint, workload);
  const { config, model, checkpoint, step, values, sha256 } = parameters;
  const out = flags.out ?? join(folder, `model-step-${step}${EXPORT_ENDINGS[format]?.[0] ?? ''}`);
  // HDF5's library is large: no other command should load it at its start.
  const { exportModel } = await import('@convoy/export/export-model');
  const classNames = await classNamesOf(config, workload);
  const input = model.input.type === 'uint8' ? BYTES : 'float32 values as they are';
  const origin = { run: readRunId(folder), step, parametersSha256: sha256, classNames, input };
  const name = (await workloadOf(config, workload)).namesOf(config).model;
  const trained = { name, model, values, origin };
  const { files, renamed } = await exportModel(trained, { format, out, force });
  for (const { from, to } of renamed) {
    process.stderr.write(`the layer "${from}" is called "${to}" in the export: ${format} does not allow its name\n`);
  }
  if (flags.json) {
    const result = { run: folder, checkpoint, step, parametersSha256: sha256, format, out, files, renamed };
    process.stdout.write(`${JSON.stringify(result)}\n`);
    return;
  }
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  process.stdout.write(
    `${name} after ${countOf(step, 'step')}, as ${format}: ${out} (${(bytes / 1e6).toFixed(1)} MB)\n`,
  );
}
