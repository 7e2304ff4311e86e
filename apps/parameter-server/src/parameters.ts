import { createHash } from 'node:crypto';
import { float32Bytes } from '@convoy/protocol/tensor';
import { adamUpdate, type AdamSettings, type AdamState } from '@convoy/training/adam';

/** The training state: parameters and optimizer, in two sets of buffers of which one is current. */
export class Parameters {
  #front: AdamState;
  #back: Pick<AdamState, 'parameters' | 'm' | 'v'>;

  constructor(initial: Float32Array) {
    const length = initial.length;
    this.#front = { updates: 0, parameters: initial.slice(), m: new Float32Array(length), v: new Float32Array(length) };
    this.#back = { parameters: new Float32Array(length), m: new Float32Array(length), v: new Float32Array(length) };
  }

  /** The current flat vector. Valid until the second update from now: copy what must last. */
  get values(): Float32Array {
    return this.#front.parameters;
  }

  /** Applies one update into the back buffers and swaps: the only mutation of training state there is. */
  update(gradientSum: Float32Array, samples: number, settings: AdamSettings): void {
    const updated = adamUpdate(this.#front, gradientSum, samples, settings, this.#back);
    this.#back = this.#front;
    this.#front = updated;
  }

  /** sha256 (hex) of the fp32 little-endian flat vector. */
  sha256(): string {
    return createHash('sha256').update(float32Bytes(this.values)).digest('hex');
  }
}
