import type { Command } from 'commander';
import { recipes } from '@convoy/cifar10/recipes';
import { addFlags, type FlagValues } from '../flags/flag.ts';
import { newCommand } from '../flags/help.ts';
import { jsonFlag } from '../flags/run.ts';

/** `recipes`: the settings that runs can start from. */
export function recipesCommand(): Command {
  const command = newCommand('recipes').description('list the recipes: the settings that --recipe starts from');
  return addFlags(command, jsonFlag)
    .addHelpText('after', '\nExamples:\n  $ convoy recipes\n  $ convoy config --recipe strong     all settings of one')
    .action(listRecipes);
}

function listRecipes({ json }: FlagValues<typeof jsonFlag>): void {
  if (json) return void process.stdout.write(`${JSON.stringify(recipes)}\n`);
  const width = Math.max(...Object.keys(recipes).map((name) => name.length));
  for (const [name, { about, settings }] of Object.entries(recipes)) {
    process.stdout.write(`${name.padEnd(width)}  ${about} (${settings.model})\n`);
  }
}
