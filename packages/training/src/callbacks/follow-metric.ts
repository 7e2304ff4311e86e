import type { CallbacksConfig, Monitor } from '@convoy/protocol/callbacks-config';
import { OperatorError } from '@convoy/protocol/errors';
import { KERAS_NAMES, METRIC_LABELS, METRIC_NAMES, type MetricName } from '@convoy/protocol/metric';
import type { RunConfig } from '@convoy/protocol/run-config';
import type { Settings } from '../settings.ts';

/**
 * A configuration whose callbacks follow what the run's model is measured by. Checkpoints are compared by the validation loss where
 * nobody chose a figure and the default, the validation accuracy, is none of the model's.
 * @param layers the settings that the configuration was resolved from: what they leave out was left to the default.
 * @throws OperatorError for a callback that would follow another model's metric.
 */
export function followMetric(config: RunConfig, metric: MetricName, layers: readonly Settings[]): RunConfig {
  const callbacks = withDefault(config.callbacks, metric, layers);
  for (const [name, callback] of Object.entries(callbacks)) {
    if (callback !== null) assertMeasured(name, callback.monitor, metric);
  }
  return { ...config, callbacks };
}

function withDefault(callbacks: CallbacksConfig, metric: MetricName, layers: readonly Settings[]): CallbacksConfig {
  const isChosen = layers.some((layer) => layer.callbacks?.modelCheckpoint?.monitor !== undefined);
  const { modelCheckpoint } = callbacks;
  if (isChosen || isMeasured(modelCheckpoint.monitor, metric)) return callbacks;
  return { ...callbacks, modelCheckpoint: { ...modelCheckpoint, monitor: 'val_loss' } };
}

function assertMeasured(callback: string, monitor: Monitor, metric: MetricName): void {
  if (isMeasured(monitor, metric)) return;
  const part = monitor.startsWith('val_') ? 'val_' : '';
  throw new OperatorError(
    `${callback} monitors ${monitor}, and this model is measured by its ${METRIC_LABELS[metric]}: monitor ${part}loss or ${part}${KERAS_NAMES[metric]}`,
  );
}

/** Losses are of every model. */
function isMeasured(monitor: Monitor, metric: MetricName): boolean {
  return METRIC_NAMES.every((name) => name === metric || !monitor.endsWith(KERAS_NAMES[name]));
}
