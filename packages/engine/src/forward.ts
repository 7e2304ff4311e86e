import type { Tensor, Tensor2D } from '@tensorflow/tfjs';
import type { Model, PlacedLayer } from '@convoy/model/architecture';
import { otherInputOf } from '@convoy/model/layers';
import type { BatchStatistics, Engine } from './backends/engine.ts';
import { eagerLayer } from './eager-layers.ts';

/** A dropout layer's multipliers, of its input's shape, by the layer's index; absent layers pass their input on, as in inference. */
export type MaskTensors = ReadonlyMap<number, Tensor>;

/** What differs between training and inference. */
export interface ForwardMode {
  readonly masks: MaskTensors;
  /** Told each normalisation's statistics of the batch; null normalises with the moving ones, as in inference. */
  readonly onStatistics: ((placed: PlacedLayer, statistics: BatchStatistics) => void) | null;
}

/**
 * The model's function: inputs in, outputs [N, outputs] out: the values of a regression, the logits of a classification (the last
 * layer's softmax is left to the loss, where it is stable).
 * @param parameters one tensor per entry of the model's table, in its order.
 * @param inputs shape [N, ...model.input.shape].
 */
export function forward(
  { tf, kernels }: Engine,
  model: Model,
  parameters: readonly Tensor[],
  inputs: Tensor,
  { masks, onStatistics }: ForwardMode,
): Tensor2D {
  const outputs = new Map<string, Tensor>();
  let x = inputs;
  for (const [index, placed] of model.layers.entries()) {
    const from = otherInputOf(placed.layer);
    x = eagerLayer(placed, x, {
      tf,
      kernels,
      parameters: placed.indices.map((place) => parameters[place]!),
      other: from === null ? undefined : outputs.get(from),
      mask: masks.get(index),
      onStatistics: onStatistics === null ? null : (statistics) => onStatistics(placed, statistics),
    });
    outputs.set(placed.layer.name, x);
  }
  return x as Tensor2D;
}
