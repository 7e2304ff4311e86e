import type { EngineChoice } from '@convoy/engine/backends/load';
import { withOptionNames } from './option-names.ts';
import type { WorkerFlags } from './launchers/worker-processes.ts';
import { COLLAPSE_ACTIONS } from '@convoy/server/health-watch';
import { parseTracedSteps, TRACED_STEPS_WORDS } from '@convoy/server/trace/step-tracer';
import { DEFAULT_RUN_OPTIONS, type RunOptions } from '@convoy/server/run-options';
import { OperatorError } from '@convoy/protocol/errors';
import type { ModelName, RecipeName } from '@convoy/workload/open-workload';
import type { Settings } from '@convoy/training/settings';
import { engineFrom } from '@convoy/worker/engine-options';

/** Options of a run that programs give as they are. */
type GivenRunOptions = Pick<
  RunOptions,
  'config' | 'resume' | 'runDir' | 'dataDir' | 'workload' | 'keepCheckpoints' | 'onCollapse'
>;

/**
 * What to train and how: a run's settings, which decide its result, and beside them what does not. Every default is that of
 * `convoy train`.
 */
export interface TrainOptions
  extends Omit<Settings, '$schema' | '$workloadSha256' | 'recipe' | 'model'>, GivenRunOptions {
  /** What the settings start from. */
  readonly recipe?: RecipeName | undefined;
  readonly model?: ModelName | 'workload' | undefined;
  /** Worker processes: one per core when absent, and no more than micro-batches in a step. */
  readonly workers?: number | undefined;
  /** Everything in this process. Computing blocks its event loop for a micro-batch at a time. */
  readonly single?: boolean | undefined;
  /** Steps to trace, such as `'100-120'`: the run's folder gets a `trace.json`, see docs/tracing.md. */
  readonly trace?: string | undefined;
  readonly engine?: EngineChoice | undefined;
  /** Threads per worker: the cores, shared among the workers, when absent; one in a deterministic run. */
  readonly threads?: number | undefined;
  /** Train on synthetic images where CIFAR-10 can't be had. */
  readonly fallbackToSynthetic?: boolean | undefined;
  /** When a checkpoint is due between evaluations; null for never. */
  readonly checkpointEvery?: { readonly steps: number } | { readonly ms: number } | null | undefined;
  /** Aborting ends the run where it stands, with a checkpoint: the result says `interrupted`. */
  readonly signal?: AbortSignal | undefined;
  /** Told what an operator should know and no event says: a worker's last words, a slower engine. One line each. */
  readonly onNote?: ((line: string) => void) | undefined;
}

/** The options as the halves of the program take them. */
export interface ResolvedTrainOptions {
  readonly run: RunOptions;
  readonly computing: WorkerFlags;
  readonly single: boolean;
  readonly fallbackToSynthetic: boolean;
  readonly signal: AbortSignal;
  readonly onNote: (line: string) => void;
}

const { minWorkers, deadAfterMs } = DEFAULT_RUN_OPTIONS;
const SERVING = { minWorkers, deadAfterMs };

/** @throws OperatorError naming the option and what it must be. The settings are checked later, with the file's. */
export function resolveTrainOptions(options: TrainOptions): ResolvedTrainOptions {
  const { single = false, fallbackToSynthetic = false, signal, onNote = () => {}, ...rest } = options;
  const {
    config,
    resume,
    runDir,
    workers,
    engine,
    threads,
    dataDir,
    workload,
    checkpointEvery,
    keepCheckpoints,
    onCollapse,
    trace,
    ...settings
  } = rest;
  for (const [name, value] of Object.entries({ workers, threads, keepCheckpoints })) {
    if (value !== undefined && !(Number.isSafeInteger(value) && value > 0)) {
      throw new OperatorError(`${name} (${value}) must be a whole number, 1 or more`);
    }
  }
  if (onCollapse !== undefined && !COLLAPSE_ACTIONS.includes(onCollapse)) {
    throw new OperatorError(`onCollapse (${String(onCollapse)}) must be one of ${COLLAPSE_ACTIONS.join(', ')}`);
  }
  const traced = trace === undefined ? undefined : parseTracedSteps(String(trace));
  if (traced === null) throw new OperatorError(`trace (${String(trace)}) must be ${TRACED_STEPS_WORDS}`);
  if (single && workers !== undefined) throw new OperatorError('leave out workers, or single: one process has none');
  const { epochs, maxSteps, ...fixed } = settings;
  const [surplus] = Object.keys(present({ config, runDir, ...fixed }));
  if (resume !== undefined && surplus !== undefined) {
    throw new OperatorError(`a run that is resumed has its own settings and folder: leave ${surplus} out`);
  }
  const every = checkpointEvery === undefined ? {} : { checkpointEvery: { steps: null, ms: null, ...checkpointEvery } };
  const length = present({ epochs: epochs ?? undefined, maxSteps: maxSteps ?? undefined });
  const extension = resume !== undefined && Object.keys(length).length > 0 ? length : undefined;
  const kept = present({ keepCheckpoints, onCollapse });
  return {
    run: {
      ...SERVING,
      ...kept,
      ...every,
      settings,
      config,
      resume,
      extension,
      runDir,
      dataDir,
      workload,
      trace: traced,
    },
    computing: { engine: engine ?? engineFrom(process.env), threads, workers, dataDir, workload },
    single,
    fallbackToSynthetic,
    signal: signal ?? new AbortController().signal,
    onNote: (line) => onNote(withOptionNames(line)),
  };
}

/** The fields that have a value. */
function present<Fields extends object>(fields: Fields): { [Name in keyof Fields]?: NonNullable<Fields[Name]> } {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [Name in keyof Fields]?: NonNullable<Fields[Name]> };
}
