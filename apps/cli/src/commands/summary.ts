import type { Command } from 'commander';
import { models } from '@convoy/cifar10/models';
import type { ModelName } from '@convoy/protocol/run-config';
import { DEFAULT_RECIPE, recipes } from '@convoy/training/config';
import { loadWorkload } from '@convoy/workload/load-workload';
import { addFlags, pickFlags, type FlagValues } from '../flags/flag.ts';
import { newCommand } from '../flags/help.ts';
import { configFlags } from '../flags/run.ts';
import { summaryTable } from '../summary-table.ts';

const summaryFlags = pickFlags(configFlags, 'model', 'workload');

const DEFAULT_MODEL = recipes[DEFAULT_RECIPE]!.settings.model as ModelName;

/** `summary`: a model's layers as Keras prints them. */
export function summaryCommand(): Command {
  const command = newCommand('summary').description("print a model's layers, shapes and parameter counts");
  return addFlags(command, summaryFlags)
    .addHelpText(
      'after',
      '\nExamples:\n  $ convoy summary --model resnet\n  $ convoy summary --workload my-workload.ts',
    )
    .action(summary);
}

async function summary({ model: name = DEFAULT_MODEL, workload }: FlagValues<typeof summaryFlags>): Promise<void> {
  const model = workload === undefined ? models[name] : (await loadWorkload(workload)).model;
  process.stdout.write(`${summaryTable(model)}\n`);
}
