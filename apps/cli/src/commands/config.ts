import { Command } from 'commander';
import { addConfigOptions, requestFromFlags, type ConfigFlags } from '../flags/run.ts';
import { resolveRun } from '@convoy/server/resolve-run';

/** `config`: the configuration that options and file resolve to. */
export function configCommand(): Command {
  const command = new Command('config')
    .description("print the configuration that these options of train give, as a run's config.json has it")
    .option('--schema', 'print the JSON schema of configuration files instead', false);
  return addConfigOptions(command)
    .addHelpText(
      'after',
      `
Examples:
  $ convoy config --recipe quick --optimizer sgd --momentum 0.9 > convoy.json
  $ convoy config --config convoy.json --lr 0.002       what train would do with the same options`,
    )
    .action(printConfig);
}

async function printConfig({ schema, ...flags }: ConfigFlags & { readonly schema: boolean }): Promise<void> {
  if (schema) {
    const { configSchema } = await import('../config-schema.ts');
    return print(configSchema());
  }
  print((await resolveRun(requestFromFlags(flags))).config);
}

function print(value: object): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}
