import type { Model } from '@convoy/cifar10/architecture';
import { METRIC_OF } from '@convoy/cifar10/loss';
import type { RunConfig } from '@convoy/protocol/run-config';
import { followMetric } from '@convoy/training/callbacks/follow-metric';
import type { Settings } from '@convoy/training/settings';
import { assertTrainable } from '@convoy/workload/assert-trainable';
import { loadWorkload } from '@convoy/workload/load-workload';
import { modelOf } from '@convoy/workload/open-workload';
import { readConfigFile } from './config-file.ts';
import { configFromFlags, type ConfigFlags } from './options.ts';

/**
 * What a new run would train and how: flags over settings over the file of `--config` over the workload's own settings over
 * the recipe. Opens no data.
 * @throws OperatorError naming what to change.
 */
export async function resolveRun(
  flags: ConfigFlags,
  settings: Settings = {},
): Promise<{ readonly config: RunConfig; readonly model: Model }> {
  const file = flags.config === undefined ? {} : readConfigFile(flags.config, flags.recipe ?? settings.recipe);
  const workload = flags.workload === undefined ? {} : (await loadWorkload(flags.workload)).settings;
  const wanted = configFromFlags(flags, workload, file, settings);
  const model = await modelOf(wanted, flags.workload);
  assertTrainable(wanted, model);
  const chosen = { callbacks: { modelCheckpoint: { monitor: flags.monitor } } };
  const config = followMetric(wanted, METRIC_OF[model.loss], [workload, file, settings, chosen]);
  return { config, model };
}
