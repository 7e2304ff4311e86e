import type { Command } from 'commander';
import { addFlags, flagTable, type FlagValues } from '../flags/flag.ts';
import { newCommand } from '../flags/help.ts';
import { configFlags, requestFromFlags } from '../flags/run.ts';
import { resolveRun } from '@convoy/server/resolve-run';

const configCommandFlags = flagTable({
  schema: { help: 'print the JSON schema of configuration files instead', default: false as boolean },
  ...configFlags,
});

/** `config`: the configuration that options and file resolve to. */
export function configCommand(): Command {
  const command = newCommand('config').description(
    'print the configuration that train would use with the same options',
  );
  return addFlags(command, configCommandFlags)
    .addHelpText(
      'after',
      `
Examples:
  $ convoy config --recipe quick --optimizer sgd --momentum 0.9 > convoy.json
  $ convoy config --config convoy.json --lr 0.002`,
    )
    .action(printConfig);
}

async function printConfig({ schema, ...flags }: FlagValues<typeof configCommandFlags>): Promise<void> {
  if (schema) {
    const { configSchema } = await import('../config-schema.ts');
    return print(configSchema());
  }
  print((await resolveRun(requestFromFlags(flags))).config);
}

function print(value: object): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}
