import type { Command } from 'commander';
import { openWorkload } from '@convoy/workload/open-workload';
import { addFlags, pickFlags, type FlagValues } from '../flags/flag.ts';
import { newCommand } from '../flags/help.ts';
import { configFlags } from '../flags/run.ts';
import { summaryTable } from '../summary-table.ts';

const summaryFlags = pickFlags(configFlags, 'model', 'workload');

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

async function summary({ model: name, workload: file }: FlagValues<typeof summaryFlags>): Promise<void> {
  const { models } = await openWorkload(file);
  const model = models[name ?? Object.keys(models)[0]!]!;
  process.stdout.write(`${summaryTable(model)}\n`);
}
