import { metricText, metricValue } from '@convoy/protocol/event-words';
import { METRIC_LABELS, metricFigure, readMetric } from '@convoy/protocol/metric';
import { textTable } from '../text-table.ts';
import type { Figures, History, Measured } from '@convoy/convoy/history';

/** One line of a history: an epoch's end, or the run's where it ended within an epoch. */
export interface HistoryRow {
  /** Epochs done. */
  readonly epoch: number;
  readonly step: number;
  /** Null within an epoch: there are no means of the whole yet. */
  readonly training: Figures | null;
  readonly validation: Figures | null;
  /** The epoch took. */
  readonly seconds: number | null;
}

/** Whatever was measured after one step in one row, in the order of the steps. */
export function historyRows({ epochs, validations, stepsPerEpoch }: History): readonly HistoryRow[] {
  const steps = new Set([...epochs, ...validations].map(({ step }) => step));
  return [...steps]
    .sort((a, b) => a - b)
    .map((step) => {
      const epoch = epochs.find((ended) => ended.step === step);
      const validation = validations.find((evaluated) => evaluated.step === step);
      return {
        epoch: step / stepsPerEpoch,
        step,
        training: epoch === undefined ? null : figuresOf(epoch),
        validation: validation === undefined ? null : figuresOf(validation),
        seconds: epoch?.seconds ?? null,
      };
    });
}

/** The rows for a terminal, and a last line about the test. */
export function historyTable(history: History): string {
  const rows = historyRows(history);
  const lines: string[] = [];
  if (rows.length === 0) {
    lines.push(`no epoch has ended: ${history.steps.length} of ${history.stepsPerEpoch} steps are done`);
  } else {
    const metric = METRIC_LABELS[history.metric];
    const head = ['epoch', 'step', 'loss', metric, 'validation loss', `validation ${metric}`, 'time'];
    const cells = rows.map(({ epoch, step, training, validation, seconds }) => [
      Number.isInteger(epoch) ? String(epoch) : epoch.toFixed(2),
      String(step),
      ...figureCells(training),
      ...figureCells(validation),
      seconds === null ? '' : `${seconds.toFixed(0)} s`,
    ]);
    lines.push(textTable(head, cells));
  }
  if (history.test !== null) {
    const { step, loss } = history.test;
    lines.push(`test after step ${step}: loss ${loss.toFixed(4)}, ${metricText(history.test)}`);
  }
  return lines.join('\n');
}

function figuresOf(measured: Measured): Figures {
  const { name, value } = readMetric(measured);
  return { loss: measured.loss, ...metricFigure(name, value) };
}

function figureCells(figures: Figures | null): readonly string[] {
  if (figures === null) return ['', ''];
  const { name, value } = readMetric(figures);
  return [figures.loss.toFixed(4), metricValue(name, value)];
}
