import { drawMask } from '@convoy/numerics/vectors';
import { purposes } from '@convoy/numerics/random/purposes';
import { streamKey } from '@convoy/numerics/random/stream';
import { threefry2x32 } from '@convoy/numerics/random/threefry';

/** Whose samples a mask is for: dropout depends on the sample's place in the run, never on the worker. */
export interface DropoutDraw {
  readonly seed: number;
  readonly epoch: number;
  /** Positions [start, end) in the epoch's order. */
  readonly positions: { readonly start: number; readonly end: number };
}

/**
 * Writes the multipliers of one dropout layer: 0 with probability `rate`, else 1 / (1 − rate) ("inverted" dropout, as in
 * Keras), `units` per sample, in the order of the positions. Several times as fast where the compiled kernels are
 * installed and `mask` is one of their vectors; the bits are the same.
 * @param layer the layer's index in the architecture.
 */
export function dropoutMask(draw: DropoutDraw, layer: number, rate: number, units: number, mask: Float32Array): void {
  const kept = 1 / (1 - rate);
  const threshold = rate * 0x1_0000_0000;
  const block = new Uint32Array(2);
  for (let position = draw.positions.start, row = 0; position < draw.positions.end; position++, row += units) {
    const { key0, key1 } = streamKey(draw.seed, purposes.dropout, draw.epoch, position, layer);
    const drawn = drawMask(mask, row, units, { key0, key1, threshold, kept });
    for (let unit = drawn; unit < units; unit += 2) {
      threefry2x32(key0, key1, unit, 0, block);
      mask[row + unit] = block[0]! < threshold ? 0 : kept;
      if (unit + 1 < units) mask[row + unit + 1] = block[1]! < threshold ? 0 : kept;
    }
  }
}
