import { createHash } from 'node:crypto';
import { loadKernels } from '@convoy/numerics/load-vectors';
import { allocateVector } from '@convoy/numerics/vectors';
import { float32Bytes, type TensorTable } from '@convoy/protocol/tensor';
import { averageStatistics } from '@convoy/numerics/moving-statistics';
import type { Optimizer, OptimizerState } from '@convoy/training/optimizer/optimizer';
import type { OptimizerVectors } from '@convoy/training/optimizer/update-rule';

/** The training state: parameters and optimizer, in two sets of buffers of which one is current. */
export class Parameters {
  readonly #optimizer: Optimizer;
  readonly #tensors: TensorTable;
  #front: OptimizerState;
  #back: OptimizerVectors;
  #kept: Float32Array | null = null;

  /** @param tensors where moving statistics lie; without any, all that is not trained stays as it is. */
  constructor(initial: Float32Array, optimizer: Optimizer, tensors: TensorTable = []) {
    this.#optimizer = optimizer;
    this.#tensors = tensors;
    // The first that needs vectors in the server's process: those of the sums are allocated later.
    loadKernels();
    const { length } = initial;
    this.#front = { updates: 0, ...allocateState(length, optimizer) };
    this.#front.parameters.set(initial);
    this.#back = allocateState(length, optimizer);
  }

  /** The current flat vector. Valid until the second update from now: copy what must last. */
  get values(): Float32Array {
    return this.#front.parameters;
  }

  /** The current vectors, valid as {@link values} is, and the number of updates. */
  get state(): OptimizerState {
    return this.#front;
  }

  /** A copy of the parameters as they were when {@link keep} was called last; null before. */
  get kept(): Float32Array | null {
    return this.#kept;
  }

  /** Keeps a copy of the current parameters. */
  keep(): void {
    this.#kept ??= new Float32Array(this.values.length);
    this.#kept.set(this.values);
  }

  /** Makes the kept parameters the current ones. What the optimizer keeps for each stays, as in Keras. */
  restoreKept(): void {
    if (this.#kept === null) throw new Error('there are no kept parameters to go back to');
    this.values.set(this.#kept);
  }

  /**
   * Copies a state in, to go on from it, and kept parameters if there are any.
   * @throws RangeError when its vectors are of another length, or another optimizer's.
   */
  restore({ updates, parameters, slots }: OptimizerState, kept: Float32Array | null = null): void {
    const { length } = this.values;
    const vectors = [parameters, ...this.#optimizer.slots.map((name) => slots[name]), ...(kept === null ? [] : [kept])];
    if (vectors.some((vector) => vector?.length !== length)) {
      throw new RangeError(`the state to restore is not of ${length} parameters`);
    }
    this.#kept = kept?.slice() ?? null;
    this.#front.parameters.set(parameters);
    for (const name of this.#optimizer.slots) this.#front.slots[name]!.set(slots[name]!);
    this.#front = { ...this.#front, updates };
  }

  /** Applies one update into the back buffers and swaps: the only mutation of training state there is. */
  update(gradientSum: Float32Array, samples: number, learningRate: number): void {
    const updated = this.#optimizer.update(this.#front, gradientSum, samples, learningRate, this.#back);
    averageStatistics(this.#tensors, this.#front.parameters, gradientSum, samples, this.#back.parameters);
    this.#back = this.#front;
    this.#front = updated;
  }

  /** sha256 (hex) of the fp32 little-endian flat vector. */
  sha256(): string {
    return createHash('sha256').update(float32Bytes(this.values)).digest('hex');
  }
}

function allocateState(length: number, { slots }: Optimizer): OptimizerVectors {
  return {
    parameters: allocateVector(length),
    slots: Object.fromEntries(slots.map((name) => [name, allocateVector(length)])),
  };
}
