import { purposes } from '@convoy/numerics/random/purposes';
import { streamKey } from '@convoy/numerics/random/stream';
import { threefry2x32 } from '@convoy/numerics/random/threefry';
import type { Augmentation } from '@convoy/protocol/run-config';
import type { DropoutDraw } from './dropout.ts';
import { mixupWeights, WHOLE_WEIGHT } from './mixup-weight.ts';
import { cropImage, cutSquare, mixBytes, type ImageShape } from './transform.ts';

/** With what, and how much of it, each image was mixed. */
export interface Mixing {
  /** For each sample its partner's place in the batch. */
  readonly partners: Int32Array;
  /** Parts of 256 that a sample keeps of itself: 128 to 256. */
  readonly weights: Int32Array;
}

/**
 * The words of a sample's stream, one for each decision. All are drawn whatever is switched on, so that what one of the
 * transformations does to an image never depends on the others. Only add to the end.
 */
const words = { top: 0, left: 1, flip: 2, cutoutRow: 3, cutoutColumn: 4, partner: 5, weight: 6 } as const;
const BLOCKS = 4;

/**
 * Transforms micro-batches of training images, as bytes: crop and flip, then cutout, then mixup of what came of that. What
 * happens to a sample is a function of seed, epoch, the sample's position and its micro-batch: of no worker and no lease.
 */
export class Augmenter {
  readonly #augmentation: Augmentation;
  readonly #shape: ImageShape;
  readonly #imageBytes: number;
  readonly #weightOf: ((word: number) => number) | null;
  readonly #words = new Uint32Array(2 * BLOCKS);
  #cropped: Uint8Array = new Uint8Array(0);
  #mixed: Uint8Array = new Uint8Array(0);

  constructor(augmentation: Augmentation, shape: ImageShape) {
    this.#augmentation = augmentation;
    this.#shape = shape;
    this.#imageBytes = shape[0] * shape[1] * shape[2];
    this.#weightOf = augmentation.mixup === 0 ? null : mixupWeights(augmentation.mixup);
  }

  /**
   * @param images uint8 [N, height, width, channels] of the draw's positions; left as they are.
   * @returns the transformed images in kept memory, valid until the next call, and null where nothing is mixed.
   */
  augment(images: Uint8Array, draw: DropoutDraw): { readonly images: Uint8Array; readonly mixing: Mixing | null } {
    const { crop, flip, cutout } = this.#augmentation;
    const [height, width] = this.#shape;
    const { start, end } = draw.positions;
    const samples = end - start;
    const mixing = { partners: new Int32Array(samples), weights: new Int32Array(samples) };
    if (this.#cropped.length < images.length) this.#cropped = new Uint8Array(images.length);
    for (let n = 0; n < samples; n++) {
      this.#draw(draw, start + n);
      const source = { bytes: images, at: n * this.#imageBytes };
      const target = { bytes: this.#cropped, at: source.at };
      const [top, left] = [this.#below(words.top, 2 * crop + 1), this.#below(words.left, 2 * crop + 1)];
      const isFlipped = flip && this.#below(words.flip, 2) === 1;
      cropImage(source, target, this.#shape, { padding: crop, top, left, isFlipped });
      const [row, column] = [this.#below(words.cutoutRow, height), this.#below(words.cutoutColumn, width)];
      if (cutout > 0) cutSquare(target, this.#shape, cutout, row, column);
      mixing.partners[n] = this.#below(words.partner, samples);
      mixing.weights[n] = this.#weightOf?.(this.#words[words.weight]!) ?? WHOLE_WEIGHT;
    }
    const transformed = this.#cropped.subarray(0, images.length);
    if (this.#weightOf === null) return { images: transformed, mixing: null };
    return { images: this.#mix(transformed, mixing), mixing };
  }

  #mix(images: Uint8Array, { partners, weights }: Mixing): Uint8Array {
    if (this.#mixed.length < images.length) this.#mixed = new Uint8Array(images.length);
    const length = this.#imageBytes;
    for (const [n, partner] of partners.entries()) {
      const [own, other] = [n, partner].map((place) => ({ bytes: images, at: place * length }));
      mixBytes(own!, other!, { bytes: this.#mixed, at: own!.at }, length, weights[n]!);
    }
    return this.#mixed.subarray(0, images.length);
  }

  #draw({ seed, epoch }: DropoutDraw, position: number): void {
    const { key0, key1 } = streamKey(seed, purposes.augmentation, epoch, position);
    for (let block = 0; block < BLOCKS; block++) threefry2x32(key0, key1, block, 0, this.#words, 2 * block);
  }

  /** Uniform in [0, bound) but for bound / 2^32: always one word, where an unbiased draw may take several. */
  #below(word: number, bound: number): number {
    return Math.floor((this.#words[word]! * bound) / 0x1_0000_0000);
  }
}
