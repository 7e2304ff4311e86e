import { cacheDirectory } from '@convoy/model/cache-directory';
import type { Dataset } from '@convoy/model/dataset';
import type { Engine } from '@convoy/engine/backends/engine';
import { loadEngine } from '@convoy/engine/backends/load';
import { createProgram } from '@convoy/engine/create-program';
import type { Program } from '@convoy/engine/program';
import { assertPassed, assertRepeatable, selfTest } from '@convoy/engine/self-test';
import type { Model } from '@convoy/model/architecture';
import { loadKernels } from '@convoy/numerics/load-vectors';
import type { RunConfig } from '@convoy/protocol/run-config';
import { copyFloat32 } from '@convoy/protocol/tensor';
import type { EvaluatedSamples } from '@convoy/training/evaluation/details';
import { planRun } from '@convoy/training/sampling';
import { modelOf, openData } from '@convoy/workload/open-workload';
import { openSamples } from '../supplies/open-samples.ts';
import type { Provision } from '../supplies/provision.ts';
import { BatchSource } from './batch-source.ts';
import type {
  Compute,
  ComputeOptions,
  EngineFacts,
  EvaluationSums,
  EvaluationWork,
  GradientSums,
  GradientWork,
  Prepared,
} from './compute.ts';
import { GradientLoop } from './gradient-loop.ts';

/** What computes a run on this side, once the run is known. */
interface Computing {
  readonly model: Model;
  readonly program: Program;
  readonly batches: BatchSource;
  readonly loop: GradientLoop;
}

/** Computes in the caller's thread, giving way to its other events between micro-batches. */
export class InlineCompute implements Compute {
  #options: ComputeOptions | null = null;
  #engine: Engine | null = null;
  #computing: Computing | null = null;
  #parametersStep = -1;
  #aligned: Float32Array | null = null;
  readonly #cancelled: Int32Array<ArrayBufferLike>;

  /** @param cancelled element 0 is 1 when the call in progress is not wanted any more; another thread may set it. */
  constructor(cancelled: Int32Array<ArrayBufferLike> = new Int32Array(1)) {
    this.#cancelled = cancelled;
  }

  get tensors(): number {
    return this.#engine?.tf.memory().numTensors ?? 0;
  }

  async open(options: ComputeOptions): Promise<EngineFacts> {
    this.#options = options;
    loadKernels();
    let warning: string | null = null;
    this.#engine = await loadEngine({ ...options, onFallback: (reason) => (warning = reason) });
    const { name, version, threads } = this.#engine;
    return { name, version, threads, warning };
  }

  async prepare(config: RunConfig, provision: Provision = {}): Promise<Prepared> {
    const { environment, dataDir, workload } = this.#options!;
    const { samples, ...places } = { dataDir, workload, ...provision };
    this.#computing?.program.dispose();
    this.#computing = null;
    this.#parametersStep = -1;
    const model = await modelOf(config, places.workload);
    const dataset = samples === undefined ? await openData(config, { environment, ...places }) : openSamples(samples);
    let note: string | null = null;
    const program = createProgram(this.#engine!, model, {
      cacheDir: cacheDirectory(environment, process.platform),
      onNote: (line) => (note = line),
    });
    const test = selfTest(program, model, config.microBatchSize);
    assertPassed(test);
    if (config.deterministic) assertRepeatable(program, model, config.microBatchSize, test);
    const plan = planRun(config, dataset);
    const batches = new BatchSource({ config, model, dataset, plan });
    const loop = new GradientLoop({ config, model, plan, program, batches, cancelled: this.#cancelled });
    this.#computing = { model, program, batches, loop };
    return {
      modelHash: model.hash,
      dataFingerprint: dataset.fingerprint,
      numericsFingerprint: test.fingerprint,
      dataset: { trainCount: dataset.trainCount, testCount: dataset.testCount },
      parameterCount: model.parameterCount,
      note,
    };
  }

  setParameters(step: number, values: Uint8Array): void {
    const { parameterCount } = this.#computing!.model;
    if (this.#aligned?.length !== parameterCount) this.#aligned = new Float32Array(parameterCount);
    copyFloat32(values, this.#aligned);
    this.takeParameters(step, this.#aligned);
  }

  /** {@link setParameters} with values that are aligned already; they may change once this returns. */
  takeParameters(step: number, values: Float32Array): void {
    this.#computing!.program.setParameters(values);
    this.#parametersStep = step;
  }

  async gradient(work: GradientWork): Promise<GradientSums> {
    return this.#loopAt(work.step).gradient(work);
  }

  /** Prepares what the next lease probably asks for, see {@link GradientLoop.readAhead}. */
  readAhead(): void {
    this.#computing?.loop.readAhead();
  }

  /** @param onSamples is given the samples of each piece. */
  async evaluate(work: EvaluationWork, onSamples?: (samples: EvaluatedSamples) => void): Promise<EvaluationSums> {
    return this.#loopAt(work.step).evaluate(work, onSamples);
  }

  /** What `prepare` opened. */
  get dataset(): Dataset {
    return this.#computing!.batches.dataset;
  }

  cancel(): void {
    Atomics.store(this.#cancelled, 0, 1);
  }

  close(): Promise<void> {
    this.#computing?.program.dispose();
    return Promise.resolve();
  }

  #loopAt(step: number): GradientLoop {
    if (this.#computing === null || this.#parametersStep !== step) {
      throw new Error(`asked to compute at step ${step} holding the parameters of step ${this.#parametersStep}`);
    }
    return this.#computing.loop;
  }
}
