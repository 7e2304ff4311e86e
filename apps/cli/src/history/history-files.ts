import { renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { stringify } from 'csv-stringify/sync';
import { countedEvents } from '@convoy/convoy/history';
import { tensorboardFiles, type Hyperparameters } from '@convoy/export/tensorboard';
import { fileError } from '@convoy/protocol/file-error';
import { makeFolders } from '@convoy/protocol/make-folders';
import { KERAS_NAMES, readMetric } from '@convoy/protocol/metric';
import type { MeasuringEvent, RunEvent } from '@convoy/protocol/run-events';
import { settingPaths } from '@convoy/protocol/setting-paths';
import { tensorboardEntries } from './tensorboard-entries.ts';

/** TensorBoard looks for `tfevents` in a file's name, and reads on in a file of the same name that has grown. */
const TENSORBOARD_FILE = 'events.out.tfevents.0.convoy';

/**
 * Writes a row per step, end of an epoch and evaluation.
 * @throws OperatorError when it can't be written.
 */
export function writeCsv(path: string, events: readonly RunEvent[]): void {
  writeWhole(path, stringify(countedEvents(events).map(csvRow), { header: true }));
}

/** Undefined, which is an empty cell, where an event has no such figure, and where a figure was not finite. */
function csvRow(event: MeasuringEvent): Record<string, string | number | undefined> {
  const { name, value } = readMetric(event);
  const step = event.type === 'step' ? event : undefined;
  return {
    time: new Date(event.at).toISOString(),
    what: event.type === 'evaluated' ? event.purpose : event.type === 'step' ? 'step' : 'epoch',
    step: event.step,
    epoch: event.epoch,
    loss: event.loss,
    [KERAS_NAMES[name]]: value,
    learning_rate: step?.learningRate,
    gradient_norm: step?.gradientNorm,
    samples: step?.samples,
    step_ms: step?.stepMs,
    workers: step?.workers,
    bytes_received: step?.bytesReceived,
    bytes_sent: step?.bytesSent,
  };
}

/**
 * Writes a log for TensorBoard: `train`, `validation` and `test` below a folder.
 * @returns the files. @throws OperatorError when one can't be written.
 */
export async function writeTensorboard(
  folder: string,
  events: readonly RunEvent[],
  about: { readonly run: string; readonly hyperparameters: Hyperparameters },
): Promise<readonly string[]> {
  return [...tensorboardFiles(await tensorboardEntries(events), about)].map(([name, bytes]) => {
    const path = join(folder, name, TENSORBOARD_FILE);
    writeWhole(path, bytes);
    return path;
  });
}

/** The settings by their paths, as `optimizer.learningRate`, a list as its JSON; those that are null are left out. */
export function hyperparametersOf(settings: object): Hyperparameters {
  return Object.fromEntries(
    settingPaths(settings).flatMap(([path, value]) => {
      if (Array.isArray(value)) return [[path, JSON.stringify(value)]];
      return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
        ? [[path, value]]
        : [];
    }),
  );
}

/** The whole file, or the one that was there. */
function writeWhole(path: string, content: string | Uint8Array): void {
  try {
    makeFolders(dirname(path));
    writeFileSync(`${path}.partial`, content);
    renameSync(`${path}.partial`, path);
  } catch (error) {
    throw fileError(error, `can't write ${path}`);
  }
}
