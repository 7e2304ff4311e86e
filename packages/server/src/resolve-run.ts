import type { Model } from '@convoy/model/architecture';
import { assertTrainable } from '@convoy/model/assert-trainable';
import { METRIC_OF } from '@convoy/model/loss';
import type { RunConfig } from '@convoy/protocol/run-config';
import { followMetric } from '@convoy/training/callbacks/follow-metric';
import { resolveLayers } from '@convoy/training/config';
import { loadWorkload } from '@convoy/workload/load-workload';
import { modelOf } from '@convoy/workload/open-workload';
import { readConfigFile } from './config-file.ts';
import type { RunRequest } from './run-options.ts';

/**
 * What a new run would train and how: overrides over settings over the configuration file over the workload's own settings
 * over the recipe. Opens no data.
 * @throws OperatorError naming what to change.
 */
export async function resolveRun({
  recipe,
  workload: file,
  config: configFile,
  settings = {},
  overrides = () => ({}),
}: RunRequest): Promise<{ readonly config: RunConfig; readonly model: Model }> {
  const own = file === undefined ? [] : [{ settings: (await loadWorkload(file)).settings }];
  const written = configFile === undefined ? [] : [{ settings: readConfigFile(configFile), from: configFile }];
  const { config, layers } = resolveLayers([...own, ...written, { settings }, { settings: overrides }], recipe);
  const model = await modelOf(config, file);
  assertTrainable(config, model);
  return { config: followMetric(config, METRIC_OF[model.loss], layers), model };
}
