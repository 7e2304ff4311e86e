import type { Block } from '@convoy/protocol/messages';
import type { Span } from '@convoy/protocol/lease-spans';
import type { EvaluationDetails } from '@convoy/protocol/evaluation-details';
import type { RunConfig } from '@convoy/protocol/run-config';
import type { EngineChoice } from '@convoy/engine/backends/load';
import type { Tally } from '@convoy/numerics/reduction';
import type { Provision } from '../supplies/provision.ts';

/**
 * The computing half of a worker, wherever it runs: on a thread of its own, so that the socket answers while TensorFlow
 * blocks, or in the caller's thread. One call at a time.
 */
export interface Compute {
  /** Live tensors of the engine after the last call. */
  readonly tensors: number;
  /** Loads the engine. The first call. */
  open(options: ComputeOptions): Promise<EngineFacts>;
  /**
   * Opens the run's data, makes its model ready and tests a gradient.
   * @param provision what was fetched for the run: it goes before what this machine has of its own.
   */
  prepare(config: RunConfig, provision?: Provision): Promise<Prepared>;
  /** Takes the parameters (little-endian float32 bytes, any alignment) of `step`. They are copied before this returns. */
  setParameters(step: number, values: Uint8Array): void;
  /** The gradient of a block's loss sum. Its bytes are the compute's own memory: encode them before the next call. */
  gradient(work: GradientWork): Promise<GradientSums>;
  evaluate(work: EvaluationWork): Promise<EvaluationSums>;
  /** Makes the call in progress, if there is one, reject with {@link ComputeCancelled} after the micro-batch it is at. */
  cancel(): void;
  close(): Promise<void>;
}

export interface ComputeOptions {
  readonly engine: EngineChoice;
  readonly threads: number;
  readonly dataDir: string | undefined;
  /** The file of a workload of one's own. */
  readonly workload?: string | undefined;
  /** CIFAR10_DIR, CONVOY_CACHE_DIR and the like, as the process found them. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export interface EngineFacts {
  readonly name: string;
  readonly version: string;
  readonly threads: number;
  /** Why the engine is not the preferred one, if so. */
  readonly warning: string | null;
}

export interface Prepared {
  readonly modelHash: string;
  readonly dataFingerprint: string;
  readonly numericsFingerprint: string;
  readonly dataset: { readonly trainCount: number; readonly testCount: number };
  readonly parameterCount: number;
  /** What the operator should know about how it will be computed, in one line. */
  readonly note: string | null;
}

export interface GradientWork {
  readonly step: number;
  readonly block: Block;
  /** Whether to say beside the sums where the time went. */
  readonly trace?: boolean | undefined;
}

export interface EvaluationWork {
  readonly step: number;
  readonly purpose: 'validation' | 'test';
  readonly block: Block;
  /** Whether to say beside the sums what is taken for what. */
  readonly details?: boolean | undefined;
}

export interface EvaluationSums extends Tally {
  /** If the work asked for them. */
  readonly details?: EvaluationDetails;
}

export interface GradientSums extends Tally {
  /** As a result carries it: one flat vector in the run's format, little-endian. */
  readonly gradient: Uint8Array;
  /** If the work asked for them, on the clock of {@link workerClockMs}. */
  readonly spans?: readonly Span[];
}

/** Milliseconds on a clock that all threads of this process share, and that nobody sets. */
export function workerClockMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** The call was cancelled before it was done. */
export class ComputeCancelled extends Error {
  override readonly name = 'ComputeCancelled';

  constructor() {
    super('cancelled');
  }
}
