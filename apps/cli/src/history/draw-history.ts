import { join } from 'node:path';
import { historyChart, type CurvePoint, type HistoryCurves } from '@convoy/pictures/history-chart';
import { writePicture } from '@convoy/pictures/picture-file';
import { metricText } from '@convoy/protocol/event-words';
import { readMetric } from '@convoy/protocol/metric';
import { readHistory, type History, type Measured } from '@convoy/convoy/history';

/**
 * Draws a run's history into its folder, as `history.svg` and `history.png`.
 * @returns the paths; none when no step has been done yet, for there is nothing to draw.
 * @throws OperatorError when the log can't be read or a file not be written.
 */
export function drawHistory(folder: string, history: History = readHistory(folder)): readonly string[] {
  const curves = historyCurves(history);
  if (curves === null) return [];
  const svg = historyChart(curves);
  const paths = ['history.svg', 'history.png'].map((name) => join(folder, name));
  for (const path of paths) writePicture(path, svg);
  return paths;
}

/**
 * Curves over the epochs; over the steps as long as no more than one epoch has ended, for one point is no curve. Null when there
 * was no step.
 */
export function historyCurves(history: History): HistoryCurves | null {
  const { run, metric, steps, epochs, validations, stepsPerEpoch, totalSteps, test } = history;
  if (steps.length === 0) return null;
  const done = steps.at(-1)!.step;
  const tested = test === null ? '' : ` · test ${metricText(test)}, test loss ${test.loss.toFixed(4)}`;
  if (epochs.length <= 1) {
    return {
      title: run,
      metric,
      subtitle: `steps 1 to ${done} of ${totalSteps}, ${stepsPerEpoch} an epoch${tested}`,
      unit: 'step',
      training: steps.map((measured) => point(measured, 1)),
      validation: validations.map((measured) => point(measured, 1)),
    };
  }
  return {
    title: run,
    metric,
    subtitle: `step ${done} of ${totalSteps}, ${stepsPerEpoch} an epoch${tested}`,
    unit: 'epoch',
    training: epochs.map((measured) => point(measured, stepsPerEpoch)),
    validation: validations.map((measured) => point(measured, stepsPerEpoch)),
  };
}

function point(measured: Measured, stepsPerUnit: number): CurvePoint {
  return { at: measured.step / stepsPerUnit, loss: measured.loss, metric: readMetric(measured).value };
}
