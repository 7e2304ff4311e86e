import type { RunConfig } from '@convoy/protocol/run-config';
import type { RunEvent } from '@convoy/protocol/run-events';
import type { Settings } from '@convoy/training/settings';
import { DEFAULT_KEEP } from '@convoy/run-store/checkpoint-store';
import type { Extension } from '@convoy/run-store/extend-config';
import type { CollapseAction } from './health-watch.ts';
import type { StepTracer, TracedSteps } from './trace/step-tracer.ts';

/** What a new run shall train, as layers of settings: each over the one before it. */
export interface RunRequest {
  /** The recipe under all of them, where it is not the settings' or the file's. */
  readonly recipe?: string | undefined;
  /**
   * The file of a model and data of one's own, see docs/workloads.md. Its settings are under those of a configuration file and
   * over the recipe's. A run that is resumed needs it again.
   */
  readonly workload?: string | undefined;
  /** A configuration file under the settings, see docs/configuration.md. */
  readonly config?: string | undefined;
  /** Settings over those of the file. */
  readonly settings?: Settings | undefined;
  /** Settings over all of these, made from the configuration that these give. @throws OperatorError in its own words. */
  readonly overrides?: ((below: RunConfig) => Settings) | undefined;
}

/** How often a checkpoint is due: in steps or in milliseconds; neither is only at evaluations and at the end. */
export interface CheckpointInterval {
  readonly steps: number | null;
  readonly ms: number | null;
}

/** A run: what it trains, where it is kept and how it is served. */
export interface RunOptions extends RunRequest {
  /** CIFAR-10's binary files; `$CIFAR10_DIR`, else the cache, else downloaded when absent. */
  readonly dataDir?: string | undefined;
  /** The new run's folder; in `runs/` under the working directory when absent. */
  readonly runDir?: string | undefined;
  /** Whether a run that `runDir` holds goes on, if it is this one; otherwise such a folder is refused. */
  readonly orResume?: boolean;
  /** The folder of a run that is to go on from its newest checkpoint. It has its settings: only its length may be given anew. */
  readonly resume?: string | undefined;
  /** How long that run is to become. */
  readonly extension?: Extension | undefined;
  /** This and the next two are the run's: when they are absent, what it had before, or {@link DEFAULT_RUN_OPTIONS}. */
  readonly checkpointEvery?: CheckpointInterval | undefined;
  /** How many checkpoints to keep beside the best. */
  readonly keepCheckpoints?: number | undefined;
  /** What is done when the training has collapsed: halt, roll back to a healthy checkpoint, or continue. */
  readonly onCollapse?: CollapseAction | undefined;
  /** Steps to trace: where their time goes on the server and on the workers is written to `trace.json` in the run's folder. */
  readonly trace?: TracedSteps | undefined;
  /** The run waits below so many. */
  readonly minWorkers: number;
  /** Silence after which a worker is dead. */
  readonly deadAfterMs: number;
}

export const DEFAULT_RUN_OPTIONS = {
  checkpointEvery: { steps: null, ms: 60_000 },
  keepCheckpoints: DEFAULT_KEEP,
  onCollapse: 'halt',
  minWorkers: 1,
  deadAfterMs: 10_000,
} as const satisfies RunOptions;

/** A run, and what surrounds it in this process. */
export interface PrepareOptions extends RunOptions {
  /** Records the steps of `trace`, for every server of the run. */
  readonly tracer?: StepTracer | null;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Where workers will reach the run, for whoever finds it locked; null when only this process knows. */
  readonly url: string | null;
  /** Train on the synthetic set when CIFAR-10 can't be had, instead of stopping. */
  readonly fallbackToSynthetic?: boolean;
  /** How many training images that set has. */
  readonly syntheticSize?: number | undefined;
  /** The one worker computes in this process: nobody could take its place, and it can't hang without this server. */
  readonly isSingle?: boolean;
  /** Threads of each worker that is started beside this process, where somebody has said how many. */
  readonly threads?: number | undefined;
  readonly signal: AbortSignal;
  readonly onEvent: (event: RunEvent) => void;
  /** One line for the operator. */
  readonly onNote: (line: string) => void;
  readonly onDownload: (received: number, total: number | undefined) => void;
}
