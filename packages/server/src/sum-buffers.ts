import { allocateVector } from '@convoy/numerics/vectors';

/** Flat vectors that are used again: a fresh one costs more in page faults than the copy into it. */
export class SumBuffers {
  readonly #length: number;
  readonly #free: Float32Array[] = [];

  constructor(length: number) {
    this.#length = length;
  }

  take(): Float32Array {
    return this.#free.pop() ?? allocateVector(this.#length);
  }

  readonly give = (buffer: Float32Array): void => {
    this.#free.push(buffer);
  };
}
