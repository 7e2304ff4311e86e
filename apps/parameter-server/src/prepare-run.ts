import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { lessonModel } from '@convoy/cifar10/architecture';
import { initialValues } from '@convoy/cifar10/initial-values';
import { openConfigured } from '@convoy/cifar10/open-configured';
import type { Dataset } from '@convoy/cifar10/dataset';
import { OperatorError } from '@convoy/protocol/errors';
import type { DatasetConfig } from '@convoy/protocol/run-config';
import type { RunEvent } from '@convoy/protocol/run-events';
import { extentOf } from '@convoy/training/sampling';
import { configFromFlags, SYNTHETIC, type RunFlags } from './options.ts';
import { RunFolder } from './run-folder.ts';
import { ParameterServer } from './server.ts';
import { systemClock } from './system-clock.ts';

export interface PrepareOptions {
  readonly flags: RunFlags;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Train on the synthetic set when CIFAR-10 can't be had, instead of stopping. */
  readonly fallbackToSynthetic?: boolean;
  readonly signal: AbortSignal;
  readonly onEvent: (event: RunEvent) => void;
  /** One line for the operator. */
  readonly onNote: (line: string) => void;
  readonly onDownload: (received: number, total: number | undefined) => void;
}

export interface PreparedRun {
  readonly run: string;
  readonly server: ParameterServer;
  readonly folder: string;
  readonly dataset: Dataset;
  readonly deterministic: boolean;
}

/** From flags to a parameter server that waits for workers. @throws OperatorError naming what to change. */
export async function prepareRun(options: PrepareOptions): Promise<PreparedRun> {
  const { flags, onEvent, onNote } = options;
  // Before anything is downloaded: a wrong flag should be told at once.
  configFromFlags(flags, SYNTHETIC);
  const { dataset, config: datasetConfig } = await openData(options);
  const config = configFromFlags(flags, datasetConfig);
  const run = nameRun(new Date(), config.recipe);
  const folder = new RunFolder(flags.runDir ?? join('runs', run), config, (error) =>
    onNote(`can't write the run's log any more (${error.message}); training goes on without it`),
  );
  const server = new ParameterServer({
    run,
    config,
    extent: extentOf(config, dataset),
    model: lessonModel,
    dataFingerprint: dataset.fingerprint,
    initialParameters: initialValues(lessonModel, config.seed),
    folder,
    minWorkers: flags.minWorkers,
    onEvent,
    clock: systemClock,
  });
  return { run, server, folder: folder.path, dataset, deterministic: config.deterministic };
}

async function openData(options: PrepareOptions): Promise<{ dataset: Dataset; config: DatasetConfig }> {
  const { flags, environment, signal, fallbackToSynthetic = false, onNote, onDownload } = options;
  const config: DatasetConfig = flags.dataset === 'synthetic' ? SYNTHETIC : { name: 'cifar10' };
  try {
    const dataset = await openConfigured(config, {
      dataDir: flags.dataDir,
      environment,
      signal,
      onProgress: onDownload,
    });
    return { dataset, config };
  } catch (error) {
    // A folder that was named and is wrong is a mistake to mend, and Ctrl-C is no lack of data.
    const isNamed = flags.dataDir !== undefined || Boolean(environment['CIFAR10_DIR']);
    if (!fallbackToSynthetic || isNamed || signal.aborted || !(error instanceof OperatorError)) throw error;
    onNote(error.message);
    onNote('TRAINING ON SYNTHETIC IMAGES: CIFAR-10 could not be had, so these figures say nothing about CIFAR-10');
    return { dataset: await openConfigured(SYNTHETIC, { environment }), config: SYNTHETIC };
  }
}

/** Sorts by time, says the recipe, and differs from every other: 20261124-051200-quick-3f9a. */
function nameRun(now: Date, recipe: string): string {
  const time = now
    .toISOString()
    .replace(/[-:]|\..*/g, '')
    .replace('T', '-');
  return `${time}-${recipe}-${randomBytes(2).toString('hex')}`;
}
