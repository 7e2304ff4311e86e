import { Command, Option } from 'commander';
import { models } from '@convoy/cifar10/models';
import { MODEL_NAMES, type ModelName } from '@convoy/protocol/run-config';
import { DEFAULT_RECIPE, recipes } from '@convoy/training/config';
import { summaryTable } from '../summary-table.ts';

/** `summary`: a model's layers as Keras prints them. */
export function summaryCommand(): Command {
  return new Command('summary')
    .description("print a model's layers, shapes and parameter counts")
    .addOption(
      new Option('--model <name>', 'which model').choices(MODEL_NAMES).default(recipes[DEFAULT_RECIPE]!.settings.model),
    )
    .addHelpText('after', '\nExample:\n  $ convoy summary --model resnet')
    .action(
      ({ model }: { readonly model: ModelName }) => void process.stdout.write(`${summaryTable(models[model])}\n`),
    );
}
