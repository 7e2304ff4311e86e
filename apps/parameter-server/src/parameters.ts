import { createHash } from 'node:crypto';
import { loadKernels } from '@convoy/arithmetic/load';
import { allocateVector } from '@convoy/arithmetic/vectors';
import { float32Bytes, type TensorTable } from '@convoy/protocol/tensor';
import { averageStatistics } from '@convoy/training/moving-statistics';
import type { Optimizer, OptimizerState, OptimizerVectors } from '@convoy/training/optimizer/optimizer';

/** The training state: parameters and optimizer, in two sets of buffers of which one is current. */
export class Parameters {
  readonly #optimizer: Optimizer;
  readonly #tensors: TensorTable;
  #front: OptimizerState;
  #back: OptimizerVectors;

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

  /** Copies a state in, to go on from it. @throws RangeError when its vectors are of another length, or another optimizer's. */
  restore({ updates, parameters, slots }: OptimizerState): void {
    const { length } = this.values;
    const kept = this.#optimizer.slots.map((name) => slots[name]);
    if ([parameters, ...kept].some((vector) => vector?.length !== length)) {
      throw new RangeError(`the state to restore is not of ${length} parameters`);
    }
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
