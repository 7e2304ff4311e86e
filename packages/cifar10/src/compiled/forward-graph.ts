import type { Model } from '../architecture.ts';
import type { Output } from './graph.ts';
import { biasAdd, conv2d, flatten, matMul, maxPool, relu, scale } from './operations.ts';
import { stepsOf, type Step } from './steps.ts';
import type { Tape } from './tape.ts';

/** What the function is of. */
export interface ForwardInputs {
  readonly images_NHWC: Output;
  /** One output per entry of the model's table, in its order. */
  readonly parameters: readonly Output[];
  /** A dropout layer's multipliers by the layer's index; absent layers pass their input on, as in inference. */
  readonly masks: ReadonlyMap<number, Output>;
}

/**
 * Writes the model's function: images in, logits [N, classes] out. Equal to what `forward` computes operation by
 * operation.
 * @throws UnsupportedLayer
 */
export function forwardGraph(tape: Tape, model: Model, inputs: ForwardInputs): Output {
  return stepsOf(model).reduce(
    (x, step) => tape.graph.within(step.layer, () => apply(tape, model, step, x, inputs)),
    inputs.images_NHWC,
  );
}

function apply(tape: Tape, { tensors }: Model, step: Step, x: Output, { parameters, masks }: ForwardInputs): Output {
  switch (step.type) {
    case 'conv2d':
      return conv2d(tape, x, parameters[step.kernel]!, tensors[step.kernel]!.shape);
    case 'mat-mul':
      return matMul(tape, x, parameters[step.weights]!);
    case 'bias':
      return biasAdd(tape, x, parameters[step.bias]!);
    case 'relu':
      return relu(tape, x);
    case 'max-pool':
      return maxPool(tape, x, step.size);
    case 'flatten':
      return flatten(tape, x, step.length);
    case 'dropout': {
      const mask = masks.get(step.index);
      return mask === undefined ? x : scale(tape, x, mask);
    }
  }
}
