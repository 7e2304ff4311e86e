import { Command } from 'commander';
import { lessonModel } from '@convoy/cifar10/architecture';
import { summaryTable } from '../summary-table.ts';

/** `summary`: the model's layers as Keras prints them. */
export function summaryCommand(): Command {
  return new Command('summary')
    .description("print the model's layers, shapes and parameter counts")
    .addHelpText('after', '\nExample:\n  $ convoy summary')
    .action(() => void process.stdout.write(`${summaryTable(lessonModel)}\n`));
}
