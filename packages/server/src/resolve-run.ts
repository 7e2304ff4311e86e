import type { Model } from '@convoy/model/architecture';
import { assertTrainable } from '@convoy/model/assert-trainable';
import type { LoadedWorkload } from '@convoy/model/loaded-workload';
import { METRIC_OF } from '@convoy/model/loss';
import type { RunConfig } from '@convoy/protocol/run-config';
import { followMetric } from '@convoy/training/callbacks/follow-metric';
import { namedIn, resolveLayers } from '@convoy/training/config';
import { openWorkload, workloadOf } from '@convoy/workload/open-workload';
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
}: RunRequest): Promise<{ readonly config: RunConfig; readonly workload: LoadedWorkload; readonly model: Model }> {
  const basis = await openWorkload(file);
  const written = configFile === undefined ? [] : [{ settings: readConfigFile(configFile), from: configFile }];
  const { config, layers } = resolveLayers(
    basis,
    [{ settings: basis.settings }, ...written, { settings }, { settings: overrides }],
    recipe,
  );
  const workload = await workloadOf(config, file);
  const model = namedIn(workload.models, 'model', config.model);
  assertTrainable(config, model);
  return { config: followMetric(config, METRIC_OF[model.loss], layers), workload, model };
}
