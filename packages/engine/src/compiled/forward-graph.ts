import type { Model } from '@convoy/model/architecture';
import type { Output } from './graph.ts';
import {
  add,
  average,
  averagePool,
  biasAdd,
  conv2d,
  flatten,
  matMul,
  maxPool,
  normalise,
  normaliseBatch,
  relu,
  scale,
  sigmoid,
  tanh,
} from './operations.ts';
import { stepsOf, type Step } from './steps.ts';
import type { Tape } from './tape.ts';

/** What the function is of. */
export interface ForwardInputs {
  /** float32 [N, ...model.input.shape]. */
  readonly inputs: Output;
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
 * Writes the model's function: inputs in, outputs [N, outputs] out, logits in a classification. Equal to what `forward` computes operation by
 * operation.
 */
export function forwardGraph(tape: Tape, model: Model, inputs: ForwardInputs): Output {
  const kept = new Map<string, Output>();
  return stepsOf(model).reduce(
    (x, step) => tape.graph.within(step.layer, () => apply(tape, model, step, x, inputs, kept)),
    inputs.inputs,
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
      return conv2d(tape, x, parameters[step.kernel]!, { shape: tensors[step.kernel]!.shape, ...step });
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
    case 'sigmoid':
      return sigmoid(tape, x);
    case 'tanh':
      return tanh(tape, x);
    case 'add':
      return add(tape, x, kept.get(step.with)!);
    case 'max-pool':
      return maxPool(tape, x, step.size);
    case 'average-pool':
      return averagePool(tape, x, step.size);
    case 'average':
      return average(tape, x, step.area);
    case 'flatten':
      return flatten(tape, x, step.length);
    case 'rescale':
      return scale(tape, x, tape.graph.float(step.factor));
    case 'dropout': {
      const mask = masks.get(step.index);
      return mask === undefined ? x : scale(tape, x, mask);
    }
    case 'keep':
      kept.set(step.layer, x);
      return x;
  }
}
