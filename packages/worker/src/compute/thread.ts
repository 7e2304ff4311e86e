import { Worker } from 'node:worker_threads';
import type { RunConfig } from '@convoy/protocol/run-config';
import { OperatorError } from '@convoy/protocol/errors';
import { copyFloat32 } from '@convoy/protocol/tensor';
import {
  ComputeCancelled,
  type Compute,
  type ComputeOptions,
  type EngineFacts,
  type EvaluationSums,
  type EvaluationWork,
  type GradientSums,
  type GradientWork,
  type Prepared,
} from './compute.ts';
import type { Provision } from '../supplies/provision.ts';

/** What the thread is asked, and what it answers: one answer per request, in order. */
export type ThreadRequest =
  | { readonly type: 'open'; readonly options: ComputeOptions }
  | { readonly type: 'prepare'; readonly config: RunConfig; readonly provision: Provision | undefined }
  | { readonly type: 'gradient'; readonly work: GradientWork; readonly parameters: StepParameters | null }
  | { readonly type: 'close' }
  | { readonly type: 'evaluate'; readonly work: EvaluationWork; readonly parameters: StepParameters | null };
export type ThreadAnswer =
  | { readonly type: 'done'; readonly value: unknown; readonly tensors: number }
  | {
      readonly type: 'failed';
      readonly cancelled: boolean;
      readonly message: string;
      readonly stack: string;
      readonly exitCode: number | null;
    };

/** What the thread is started with. */
export interface ThreadData {
  /** Memory that both threads see; element 0 is 1 when the call in progress is not wanted any more. */
  readonly cancelled: Int32Array;
}

/** Parameters in memory that both threads see. They change only while the thread computes nothing. */
interface StepParameters {
  readonly step: number;
  readonly values: Float32Array;
}

/** Time for a thread to end by itself: the longest computation of one micro-batch. */
const CLOSE_WITHIN_MS = 5_000;

/** Computes on a thread of its own; parameters and gradients pass through shared memory, without a copy between threads. */
export class ThreadCompute implements Compute {
  readonly #cancelled = new Int32Array(new SharedArrayBuffer(4));
  readonly #thread = new Worker(new URL('./thread-entry.mjs', import.meta.url), {
    name: 'compute',
    workerData: { cancelled: this.#cancelled } satisfies ThreadData,
  });
  #pending: { resolve: (value: never) => void; reject: (error: Error) => void } | null = null;
  #failure: Error | null = null;
  readonly #exited = new Promise<void>((resolve) => this.#thread.once('exit', () => resolve()));
  #parameters: Float32Array | null = null;
  #parametersStep = -1;
  #sentStep = -1;
  tensors = 0;

  constructor() {
    this.#thread.on('message', (answer: ThreadAnswer) => {
      const pending = this.#pending;
      this.#pending = null;
      if (answer.type === 'done') {
        this.tensors = answer.tensors;
        pending?.resolve(answer.value as never);
      } else pending?.reject(rebuild(answer));
    });
    this.#thread.on('error', (error) => this.#fail(error));
    this.#thread.on('exit', (code) => this.#fail(new Error(`the compute thread ended with code ${code}`)));
  }

  open(options: ComputeOptions): Promise<EngineFacts> {
    return this.#ask({ type: 'open', options });
  }

  async prepare(config: RunConfig, provision?: Provision): Promise<Prepared> {
    const prepared = await this.#ask<Prepared>({ type: 'prepare', config, provision });
    this.#parameters = new Float32Array(new SharedArrayBuffer(prepared.parameterCount * 4));
    this.#parametersStep = this.#sentStep = -1;
    return prepared;
  }

  setParameters(step: number, values: Uint8Array): void {
    if (this.#pending !== null) throw new Error('parameters arrived while the compute thread reads the previous ones');
    copyFloat32(values, this.#parameters!);
    this.#parametersStep = step;
    // Other parameters may come for the same step.
    this.#sentStep = -1;
  }

  gradient(work: GradientWork): Promise<GradientSums> {
    return this.#ask({ type: 'gradient', work, parameters: this.#fresh() });
  }

  evaluate(work: EvaluationWork): Promise<EvaluationSums> {
    return this.#ask({ type: 'evaluate', work, parameters: this.#fresh() });
  }

  cancel(): void {
    Atomics.store(this.#cancelled, 0, 1);
  }

  async close(): Promise<void> {
    this.#failure ??= new Error('the compute thread was closed');
    this.#pending = null;
    // Asked, not terminated: a thread that is cut while TensorFlow is loaded can take the process down with it.
    this.#thread.postMessage({ type: 'close' } satisfies ThreadRequest);
    const cut = setTimeout(() => void this.#thread.terminate(), CLOSE_WITHIN_MS);
    await this.#exited;
    clearTimeout(cut);
  }

  /** The parameters if the thread has not seen them yet. */
  #fresh(): StepParameters | null {
    if (this.#sentStep === this.#parametersStep) return null;
    this.#sentStep = this.#parametersStep;
    return { step: this.#parametersStep, values: this.#parameters! };
  }

  #ask<Value>(request: ThreadRequest): Promise<Value> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    if (this.#pending !== null) return Promise.reject(new Error('the compute thread does one thing at a time'));
    return new Promise<Value>((resolve, reject) => {
      this.#pending = { resolve: resolve as (value: never) => void, reject };
      this.#thread.postMessage(request);
    });
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#pending?.reject(this.#failure);
    this.#pending = null;
  }
}

function rebuild({ cancelled, message, stack, exitCode }: Extract<ThreadAnswer, { type: 'failed' }>): Error {
  if (cancelled) return new ComputeCancelled();
  if (exitCode !== null) return new OperatorError(message, { exitCode });
  const error = new Error(message);
  error.stack = stack;
  return error;
}
