import { createHash } from 'node:crypto';
import { loadKernels } from '@convoy/arithmetic/load';
import { allocateVector } from '@convoy/arithmetic/vectors';
import { float32Bytes, type TensorTable } from '@convoy/protocol/tensor';
import { adamUpdate, type AdamSettings, type AdamState } from '@convoy/training/adam';
import { averageStatistics } from '@convoy/training/moving-statistics';

/** The training state: parameters and optimizer, in two sets of buffers of which one is current. */
export class Parameters {
  #front: AdamState;
  #back: Pick<AdamState, 'parameters' | 'm' | 'v'>;
  readonly #layout: ParameterLayout;

  constructor(initial: Float32Array, layout: ParameterLayout = { trainableCount: initial.length, tensors: [] }) {
    this.#layout = layout;
    // The first that needs vectors in the server's process: those of the sums are allocated later.
    loadKernels();
    const { length } = initial;
    this.#front = { updates: 0, ...allocateState(length) };
    this.#front.parameters.set(initial);
    this.#back = allocateState(length);
  }

  /** The current flat vector. Valid until the second update from now: copy what must last. */
  get values(): Float32Array {
    return this.#front.parameters;
  }

  /** The current vectors, valid as {@link values} is, and the number of updates. */
  get state(): AdamState {
    return this.#front;
  }

  /** Copies a state in, to go on from it. @throws RangeError when its vectors are of another length. */
  restore({ updates, parameters, m, v }: AdamState): void {
    const { length } = this.values;
    if ([parameters, m, v].some((vector) => vector.length !== length)) {
      throw new RangeError(`the state to restore is not of ${length} parameters`);
    }
    this.#front.parameters.set(parameters);
    this.#front.m.set(m);
    this.#front.v.set(v);
    this.#front = { ...this.#front, updates };
  }

  /** Applies one update into the back buffers and swaps: the only mutation of training state there is. */
  update(gradientSum: Float32Array, samples: number, settings: AdamSettings): void {
    const { trainableCount, tensors } = this.#layout;
    const [front, back] = [this.#front, this.#back];
    const head = { updates: front.updates, ...headOf(front, trainableCount) };
    const { updates } = adamUpdate(
      head,
      gradientSum.subarray(0, trainableCount),
      samples,
      settings,
      headOf(back, trainableCount),
    );
    averageStatistics(tensors, front.parameters, gradientSum, samples, back.parameters);
    this.#back = front;
    this.#front = { ...back, updates };
  }

  /** sha256 (hex) of the fp32 little-endian flat vector. */
  sha256(): string {
    return createHash('sha256').update(float32Bytes(this.values)).digest('hex');
  }
}

/** How the flat vector divides: what is trained, then the moving statistics. */
export interface ParameterLayout {
  readonly trainableCount: number;
  readonly tensors: TensorTable;
}

function headOf({ parameters, m, v }: Pick<AdamState, 'parameters' | 'm' | 'v'>, length: number) {
  return { parameters: parameters.subarray(0, length), m: m.subarray(0, length), v: v.subarray(0, length) };
}

function allocateState(length: number): Pick<AdamState, 'parameters' | 'm' | 'v'> {
  return { parameters: allocateVector(length), m: allocateVector(length), v: allocateVector(length) };
}
