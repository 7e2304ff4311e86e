import type { Model } from '@convoy/model/architecture';

/** What a model that scales bytes itself multiplies them by, at most: 1 / 255, 1 / 256 and 1 / 127.5 are meant. */
const SCALES_BYTES = 1 / 100;

/** A line for the operator where bytes, which the engine divides by 255, are scaled down once more by the model; else null. */
export function rescalingNote({ input, layers }: Model): string | null {
  if (input.type !== 'uint8') return null;
  let scale = 1;
  for (const { layer, parameters } of layers) {
    if (parameters.length > 0) break;
    if (layer.type === 'rescaling') scale *= layer.scale;
  }
  if (scale === 0 || Math.abs(scale) > SCALES_BYTES) return null;
  return "the model scales its inputs down itself (rescaling), after the engine has divided the bytes by 255: leave the layer out, or say inputType: 'float32' and give the bytes as numbers";
}
