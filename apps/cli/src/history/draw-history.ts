import { join } from 'node:path';
import { bucketed, smoothed } from '@convoy/dashboard/replay/series';
import { historyChart, PANEL_PIXELS, type CurvePoint, type HistoryCurves } from '@convoy/pictures/history-chart';
import { writePicture } from '@convoy/pictures/picture-file';
import { metricText } from '@convoy/protocol/event-words';
import { readMetric } from '@convoy/protocol/metric';
import { readHistory, type History, type Measured } from '@convoy/convoy/history';

/** Epochs from which on their means are a curve. */
const EPOCHS_FOR_A_CURVE = 8;
/** Smoothing goes over this share of the steps, and no more than so many. */
const SMOOTHED_SHARE = 1 / 20;
const MOST_SMOOTHED = 50;

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
 * Curves over the epochs, before their steps; over the steps, smoothed, where epochs are too few for a curve. Null when there was no
 * step.
 */
export function historyCurves(history: History): HistoryCurves | null {
  const { run, metric, steps, epochs, validations, turns, stepsPerEpoch, totalSteps, test } = history;
  if (steps.length === 0) return null;
  const done = steps.at(-1)!.step;
  const tested = test === null ? '' : ` · test ${metricText(test)}, test loss ${test.loss.toFixed(4)}`;
  const isByStep = epochs.length < EPOCHS_FOR_A_CURVE;
  const stepsPerUnit = isByStep ? 1 : stepsPerEpoch;
  const at = (measured: Measured) => point(measured, stepsPerUnit);
  const all = steps.map(at);
  return {
    title: run,
    metric,
    subtitle: `${isByStep ? 'steps 1 to' : 'step'} ${done} of ${totalSteps}, ${stepsPerEpoch} an epoch${tested}`,
    unit: isByStep ? 'step' : 'epoch',
    steps: extremes(all),
    training: isByStep ? smooth(all) : epochs.map(at),
    validation: validations.map(at),
    test: test === null ? null : at(test),
    marks: turns.map(({ step, text }) => ({ at: step / stepsPerUnit, text })),
  };
}

function point(measured: Measured, stepsPerUnit: number): CurvePoint {
  return { at: measured.step / stepsPerUnit, loss: measured.loss, metric: readMetric(measured).value };
}

/** The least and the greatest of what falls on a pixel, or all where nothing shares one. */
function extremes(points: readonly CurvePoint[]): readonly CurvePoint[] {
  if (points.length <= PANEL_PIXELS) return points;
  const { at, loss, metric } = columns(points);
  const [losses, metrics] = [bucketed(at, loss, PANEL_PIXELS), bucketed(at, metric, PANEL_PIXELS)];
  return Array.from(losses.steps).flatMap((last, bucket) => [
    { at: last, loss: losses.low[bucket]!, metric: metrics.low[bucket]! },
    { at: last, loss: losses.high[bucket]!, metric: metrics.high[bucket]! },
  ]);
}

/** The moving average of the points, as many of them as there are pixels. */
function smooth(points: readonly CurvePoint[]): readonly CurvePoint[] {
  const { at, loss, metric } = columns(points);
  const share = 1 - 1 / Math.max(1, Math.min(MOST_SMOOTHED, SMOOTHED_SHARE * points.length));
  const losses = bucketed(at, smoothed(loss, share), PANEL_PIXELS);
  const metrics = bucketed(at, smoothed(metric, share), PANEL_PIXELS);
  return Array.from(losses.steps, (last, bucket) => ({
    at: last,
    loss: losses.mean[bucket]!,
    metric: metrics.mean[bucket]!,
  }));
}

function columns(points: readonly CurvePoint[]) {
  return {
    at: Float64Array.from(points, ({ at }) => at),
    loss: Float64Array.from(points, ({ loss }) => loss),
    metric: Float64Array.from(points, ({ metric }) => metric),
  };
}
