import { readFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { exitCodes, OperatorError } from '@convoy/protocol/errors';
import { checkConfig } from '@convoy/training/config';
import { rootOf } from '@convoy/training/blocks';
import { extentOf, planEvaluation } from '@convoy/training/sampling';
import { lessonModel } from '@convoy/cifar10/architecture';
import type { ParametersFile } from '@convoy/parameter-server/run-folder';
import { InlineCompute } from '@convoy/worker/compute/inline';
import { addEngineOptions, computeOptions, threadsPerWorker, type EngineFlags } from '@convoy/worker/options';
import { percent } from '../display.ts';

interface EvaluateFlags extends EngineFlags {
  readonly run: string;
  readonly split: 'test' | 'validation';
  readonly json: boolean;
}

/** `evaluate`: a finished run's parameters on the test or validation samples. */
export function evaluateCommand(): Command {
  const command = new Command('evaluate')
    .description("evaluate a run's parameters, piece by piece as the run itself does")
    .requiredOption('--run <folder>', "the run's folder")
    .addOption(new Option('--split <name>', 'samples to evaluate').choices(['test', 'validation']).default('test'))
    .option('--data-dir <folder>', "CIFAR-10's binary files (default: $CIFAR10_DIR, else the cache, else downloaded)")
    .option('--json', 'one JSON line', false);
  return addEngineOptions(command)
    .addHelpText('after', '\nExample:\n  $ convoy evaluate --run runs/20261124-051200-quick-3f9a')
    .action(evaluate);
}

async function evaluate(flags: EvaluateFlags): Promise<void> {
  const { config, table, values } = readRun(flags.run);
  const compute = new InlineCompute();
  const engine = await compute.open(
    computeOptions(flags, threadsPerWorker(flags, config.deterministic, 1), process.env),
  );
  if (engine.warning !== null) process.stderr.write(`${engine.warning}\n`);
  const { dataset, note } = await compute.prepare(config);
  if (note !== null) process.stderr.write(`${note}\n`);
  const extent = extentOf(config, dataset);
  const { pieces } = planEvaluation(flags.split, config, extent);
  if (pieces === 0) throw new OperatorError(`this run held no samples out for ${flags.split}: choose another --split`);
  compute.setParameters(table.step, values);
  const { samples, lossSum, correct } = await compute.evaluate({
    step: table.step,
    purpose: flags.split,
    block: rootOf(pieces),
  });
  await compute.close();
  const result = {
    run: flags.run,
    split: flags.split,
    step: table.step,
    samples,
    accuracy: correct / samples,
    loss: lossSum / samples,
    parametersSha256: table.sha256,
  };
  process.stdout.write(
    flags.json
      ? `${JSON.stringify(result)}\n`
      : `${flags.split} accuracy ${percent(result.accuracy)}, loss ${result.loss.toFixed(4)} over ${samples} samples, after ${table.step} steps\n`,
  );
}

/** @throws OperatorError when the folder holds no finished run, or its files are not what they were. */
function readRun(folder: string) {
  const read = (name: string): Buffer => {
    try {
      return readFileSync(join(folder, name));
    } catch (cause) {
      throw new OperatorError(`${folder} has no readable ${name}: name the folder of a run that has ended`, {
        exitCode: exitCodes.data,
        cause,
      });
    }
  };
  const parse = (name: string): unknown => {
    const text = read(name).toString();
    try {
      return JSON.parse(text);
    } catch (cause) {
      throw new OperatorError(`${join(folder, name)} is not JSON: it was changed or cut`, {
        exitCode: exitCodes.data,
        cause,
      });
    }
  };
  const config = checkConfig(parse('config.json'));
  const table = parse('parameters.json') as ParametersFile;
  const values = read('parameters.bin');
  const sha256 = createHash('sha256').update(values).digest('hex');
  if (values.byteLength !== table.bytes || sha256 !== table.sha256) {
    throw new OperatorError(
      `${join(folder, 'parameters.bin')} is damaged: its table says ${table.bytes} bytes, sha256 ${table.sha256}; found ${values.byteLength}, ${sha256}`,
      { exitCode: exitCodes.data },
    );
  }
  if (table.modelHash !== lessonModel.hash) {
    throw new OperatorError(`the run in ${folder} trained another model than this version of Convoy has`, {
      exitCode: exitCodes.data,
    });
  }
  return { config, table, values };
}
