import type { Model } from '../architecture.ts';
import type { Output } from './graph.ts';
import {
  add,
  average,
  biasAdd,
  conv2d,
  flatten,
  matMul,
  maxPool,
  normalise,
  normaliseBatch,
  relu,
  scale,
} from './operations.ts';
import { stepsOf, type Step } from './steps.ts';
import type { Tape } from './tape.ts';

/** What the function is of. */
export interface ForwardInputs {
  readonly images_NHWC: Output;
  /** One output per entry of the model's table, in its order. */
  readonly parameters: readonly Output[];
  /** A dropout layer's multipliers by the layer's index; absent layers pass their input on, as in inference. */
  readonly masks: ReadonlyMap<number, Output>;
  /**
   * Takes what a normalisation saw of the batch, by the places of the moving statistics in the model's table; null
   * normalises with those instead, as in inference.
   */
  readonly statistics: Map<number, Output> | null;
}

/**
 * Writes the model's function: images in, logits [N, classes] out. Equal to what `forward` computes operation by
 * operation.
 * @throws UnsupportedLayer
 */
export function forwardGraph(tape: Tape, model: Model, inputs: ForwardInputs): Output {
  const kept = new Map<string, Output>();
  return stepsOf(model).reduce(
    (x, step) => tape.graph.within(step.layer, () => apply(tape, model, step, x, inputs, kept)),
    inputs.images_NHWC,
  );
}

function apply(
  tape: Tape,
  { tensors }: Model,
  step: Step,
  x: Output,
  { parameters, masks, statistics }: ForwardInputs,
  kept: Map<string, Output>,
): Output {
  switch (step.type) {
    case 'conv2d':
      return conv2d(tape, x, parameters[step.kernel]!, tensors[step.kernel]!.shape);
    case 'mat-mul':
      return matMul(tape, x, parameters[step.weights]!);
    case 'bias':
      return biasAdd(tape, x, parameters[step.bias]!);
    case 'normalise': {
      const [gamma_C, beta_C] = [parameters[step.gamma]!, parameters[step.beta]!];
      const moving_C = [parameters[step.mean]!, parameters[step.variance]!] as const;
      if (statistics === null) return normalise(tape, x, [gamma_C, beta_C, ...moving_C], step.epsilon);
      const { y, mean_C, variance_C } = normaliseBatch(tape, x, gamma_C, beta_C, step.epsilon);
      statistics.set(step.mean, mean_C).set(step.variance, variance_C);
      return y;
    }
    case 'relu':
      return relu(tape, x);
    case 'add':
      return add(tape, x, kept.get(step.with)!);
    case 'max-pool':
      return maxPool(tape, x, step.size);
    case 'average':
      return average(tape, x, step.area);
    case 'flatten':
      return flatten(tape, x, step.length);
    case 'dropout': {
      const mask = masks.get(step.index);
      return mask === undefined ? x : scale(tape, x, mask);
    }
    case 'keep':
      kept.set(step.layer, x);
      return x;
  }
}
