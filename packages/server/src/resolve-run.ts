import type { Model } from '@convoy/model/architecture';
import type { LoadedWorkload } from '@convoy/model/loaded-workload';
import { expectedOf, METRIC_OF } from '@convoy/model/loss';
import { OperatorError } from '@convoy/protocol/errors';
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

/** @throws OperatorError when a setting means nothing for this model: augmentation is for images, smoothing for labels. */
function assertTrainable({ augmentation, labelSmoothing }: RunConfig, { input, loss }: Model): void {
  if (augmentation !== null && (input.type !== 'uint8' || input.shape.length !== 3)) {
    throw new OperatorError(
      `augmentation is for images, bytes of [height, width, channels]; this model takes ${input.type} values of [${input.shape.join(', ')}]`,
    );
  }
  if (augmentation !== null && augmentation.crop >= Math.min(...input.shape.slice(0, 2))) {
    throw new OperatorError(
      `augmentation.crop (${augmentation.crop}) must be less than height and width, here ${input.shape.slice(0, 2).join(' and ')}`,
    );
  }
  if (augmentation !== null && augmentation.mixup > 0 && expectedOf(loss) !== 'class') {
    throw new OperatorError('mixup mixes labels, and this model is trained on values: leave it out');
  }
  if (labelSmoothing > 0 && expectedOf(loss) !== 'class') {
    throw new OperatorError('labelSmoothing is for classes, and this model is trained on values: leave it out');
  }
}
