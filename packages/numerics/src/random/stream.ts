import { threefry2x32 } from './threefry.ts';

/** The two 32-bit words that name a stream: derive one with {@link streamKey}. */
export interface StreamKey {
  readonly key0: number;
  readonly key1: number;
}

/**
 * The key of the stream at `path` under a run's seed, e.g. `streamKey(seed, DROPOUT, epoch, position, layer)`.
 * Each component is folded in by one block of the generator, so different paths give unrelated streams.
 * @throws RangeError when the seed or a component is not an integer in [0, 2^53).
 */
export function streamKey(seed: number, ...path: readonly number[]): StreamKey {
  const block = new Uint32Array(2);
  let key0 = 0;
  let key1 = 0;
  for (const component of [seed, ...path]) {
    if (!Number.isSafeInteger(component) || component < 0) {
      throw new RangeError(`a seed or stream component must be an integer from 0 to 2^53 - 1, not ${component}`);
    }
    threefry2x32(key0, key1, component >>> 0, Math.floor(component / 0x1_0000_0000), block);
    key0 = block[0]!;
    key1 = block[1]!;
  }
  return { key0, key1 };
}

/** Sequential draws from one key: a convenience over the counter. */
export class RandomStream {
  readonly #key: StreamKey;
  readonly #block = new Uint32Array(2);
  #counter = 0;
  #left = 0;

  constructor(key: StreamKey) {
    this.#key = key;
  }

  /** A uniform integer in [0, 2^32). */
  uint32(): number {
    if (this.#left === 0) {
      const { key0, key1 } = this.#key;
      threefry2x32(key0, key1, this.#counter >>> 0, Math.floor(this.#counter / 0x1_0000_0000), this.#block);
      this.#counter++;
      this.#left = 2;
    }
    return this.#block[2 - this.#left--]!;
  }

  /** A uniform multiple of 2^-24 in [0, 1): every value is exact in float32. */
  unit(): number {
    return (this.uint32() >>> 8) * 2 ** -24;
  }

  /** A uniform integer in [0, bound) for bound up to 2^32, without modulo bias (draws above the last whole multiple are redrawn). */
  below(bound: number): number {
    const limit = 0x1_0000_0000 - (0x1_0000_0000 % bound);
    let draw = this.uint32();
    while (draw >= limit) draw = this.uint32();
    return draw % bound;
  }
}

/** A stream positioned at the start of `path` under `seed`. */
export function randomStream(seed: number, ...path: readonly number[]): RandomStream {
  return new RandomStream(streamKey(seed, ...path));
}
