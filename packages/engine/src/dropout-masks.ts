import { allocateVector } from '@convoy/numerics/vectors';
import type { Model } from '@convoy/model/architecture';
import { dropoutRateOf, product } from '@convoy/model/layers';
import { dropoutMask, type DropoutDraw } from '@convoy/model/dropout';

/** Multipliers of shape [N, units] by the index of their dropout layer. */
export type LayerMasks = ReadonlyMap<number, Float32Array>;

/** A model's dropout masks in kept memory: those of the last draw, which may have been made ahead. */
export class DropoutMasks {
  readonly #layers: readonly { readonly index: number; readonly rate: number; readonly units: number }[];
  readonly #buffers = new Map<number, Float32Array>();
  /** Whose masks the buffers hold. */
  #drawn: DropoutDraw | null = null;

  constructor(model: Model) {
    this.#layers = model.layers.flatMap(({ layer, inputShape }, index) => {
      const rate = dropoutRateOf(layer);
      return rate === null ? [] : [{ index, rate, units: product(inputShape) }];
    });
  }

  /** The masks of a draw, valid until the next; not to be written to. */
  of(draw: DropoutDraw): LayerMasks {
    const samples = draw.positions.end - draw.positions.start;
    if (this.#drawn !== null && isSame(draw, this.#drawn)) return this.#masks(samples);
    this.#drawn = null;
    const masks = this.#masks(samples);
    for (const { index, rate, units } of this.#layers) dropoutMask(draw, index, rate, units, masks.get(index)!);
    this.#drawn = structuredClone(draw);
    return masks;
  }

  /** Masks that change nothing: a product with 1 has the other factor's bits. */
  ones(samples: number): LayerMasks {
    this.#drawn = null;
    const masks = this.#masks(samples);
    for (const mask of masks.values()) mask.fill(1);
    return masks;
  }

  /** The start of each layer's buffer: the last micro-batch of an epoch may be shorter. */
  #masks(samples: number): LayerMasks {
    return new Map(
      this.#layers.map(({ index, units }) => {
        const length = samples * units;
        let buffer = this.#buffers.get(index);
        if (buffer === undefined || buffer.length < length) this.#buffers.set(index, (buffer = allocateVector(length)));
        return [index, buffer.subarray(0, length)];
      }),
    );
  }
}

function isSame(a: DropoutDraw, b: DropoutDraw): boolean {
  const [p, q] = [a.positions, b.positions];
  return a.seed === b.seed && a.epoch === b.epoch && p.start === q.start && p.end === q.end;
}
