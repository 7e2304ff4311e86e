import { Command, Option } from 'commander';
import { models } from '@convoy/cifar10/models';
import { MODEL_NAMES, type ModelName } from '@convoy/protocol/run-config';
import { DEFAULT_RECIPE, recipes } from '@convoy/training/config';
import { loadWorkload } from '@convoy/workload/load-workload';
import { workloadOption } from '../flags/workload.ts';
import { summaryTable } from '../summary-table.ts';

interface SummaryFlags {
  readonly model: ModelName;
  readonly workload?: string;
}

/** `summary`: a model's layers as Keras prints them. */
export function summaryCommand(): Command {
  return new Command('summary')
    .description("print a model's layers, shapes and parameter counts")
    .addOption(
      new Option('--model <name>', 'which model').choices(MODEL_NAMES).default(recipes[DEFAULT_RECIPE]!.settings.model),
    )
    .addOption(workloadOption().conflicts('model'))
    .addHelpText(
      'after',
      '\nExamples:\n  $ convoy summary --model resnet\n  $ convoy summary --workload my-workload.ts',
    )
    .action(summary);
}

async function summary({ model: name, workload }: SummaryFlags): Promise<void> {
  const model = workload === undefined ? models[name] : (await loadWorkload(workload)).model;
  process.stdout.write(`${summaryTable(model)}\n`);
}
