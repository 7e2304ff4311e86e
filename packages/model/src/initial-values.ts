import { purposes } from '@convoy/numerics/random/purposes';
import { randomStream } from '@convoy/numerics/random/stream';
import type { Model } from './architecture.ts';

/**
 * The parameters that a run starts from, as one flat vector: kernels Glorot-uniform (Glorot and Bengio 2010, Keras's
 * default), biases zero; a normalisation starts with factor 1 and as one that has seen mean 0 and variance 1. Each tensor
 * draws from its own stream of the seed, so its values don't depend on the others.
 */
export function initialValues(model: Model, seed: number): Float32Array {
  const values = new Float32Array(model.parameterCount);
  for (const [index, { shape, offset, size }] of model.tensors.entries()) {
    const initial = model.initial[index]!;
    if (initial === 'ones') values.fill(1, offset, offset + size);
    if (initial !== 'glorotUniform') continue;
    const limit = Math.sqrt(6 / (fanIn(shape) + fanOut(shape)));
    const random = randomStream(seed, purposes.initialValues, index);
    for (let i = 0; i < size; i++) values[offset + i] = (2 * random.unit() - 1) * limit;
  }
  return values;
}

/** Inputs that one output of the kernel sees: receptive field · channels in. */
function fanIn(shape: readonly number[]): number {
  return shape.slice(0, -1).reduce((size, dimension) => size * dimension, 1);
}

/** Outputs that one input of the kernel reaches: receptive field · channels out. */
function fanOut(shape: readonly number[]): number {
  return (fanIn(shape) / shape.at(-2)!) * shape.at(-1)!;
}
