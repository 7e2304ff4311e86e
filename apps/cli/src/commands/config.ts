import { Command } from 'commander';
import { readConfigFile } from '@convoy/parameter-server/config-file';
import { addConfigOptions, configFromFlags, type ConfigFlags } from '@convoy/parameter-server/options';
import { METRIC_OF } from '@convoy/cifar10/loss';
import { followMetric } from '@convoy/training/callbacks/follow-metric';
import { loadWorkload } from '@convoy/workload/load-workload';
import { modelOf } from '@convoy/workload/open-workload';

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
  const workload = flags.workload === undefined ? {} : (await loadWorkload(flags.workload)).settings;
  const file = flags.config === undefined ? {} : readConfigFile(flags.config, flags.recipe);
  const config = configFromFlags(flags, workload, file);
  const { loss } = await modelOf(config, flags.workload);
  const chosen = { callbacks: { modelCheckpoint: { monitor: flags.monitor } } };
  print(followMetric(config, METRIC_OF[loss], [workload, file, chosen]));
}

function print(value: object): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}
