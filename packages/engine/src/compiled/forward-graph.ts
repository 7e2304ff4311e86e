import type { Model } from '@convoy/model/architecture';
import { otherInputOf } from '@convoy/model/layers';
import type { Output } from './graph.ts';
import { graphLayer, type GraphInputs, type Operation } from './graph-layers.ts';
import type { Tape } from './tape.ts';

/** What the function is of. */
export interface ForwardInputs extends Omit<GraphInputs, 'kept'> {
  /** float32 [N, ...model.input.shape]. */
  readonly inputs: Output;
}

/** An operation with the layer that it belongs to. */
type Step = Operation & {
  readonly layer: string;
  /** It does nothing but keep the layer's output for a later layer that takes it. */
  readonly isKept: boolean;
};

/**
 * Writes the model's function: inputs in, outputs [N, outputs] out, logits in a classification. Equal to what `forward` computes
 * operation by operation.
 */
export function forwardGraph(tape: Tape, model: Model, { inputs, ...rest }: ForwardInputs): Output {
  const kept = new Map<string, Output>();
  return stepsOf(model).reduce((x, { layer, write, isKept }) => {
    const y = tape.graph.within(layer, () => write(tape, x, { ...rest, kept }));
    if (isKept) kept.set(layer, y);
    return y;
  }, inputs);
}

/** The model as a sequence of operations, in the order in which they are cheapest. */
function stepsOf(model: Model): readonly Step[] {
  const wanted = new Set(model.layers.map(({ layer }) => otherInputOf(layer)));
  return poolFirst(
    model.layers.flatMap((placed, index) => {
      const { name } = placed.layer;
      const steps = graphLayer(placed, index).map((operation) => ({ ...operation, layer: name, isKept: false }));
      return wanted.has(name) ? [...steps, { layer: name, isKept: true, write: (_, x) => x } satisfies Step] : steps;
    }),
  );
}

/**
 * Moves every maximum ahead of the bias and the relu before it: they then work, forward and backward, on a quarter of the
 * values for a window of 2 · 2. Adding a channel's bias and relu are both monotonic, rounding included, so the result has
 * the same bits; so has the slope, but for windows with several greatest values, where either choice is right.
 */
function poolFirst(steps: readonly Step[]): readonly Step[] {
  const moved: Step[] = [];
  for (const step of steps) {
    let at = moved.length;
    if (step.kind === 'maximum') while (at > 0 && moved[at - 1]!.kind === 'monotonic') at--;
    moved.splice(at, 0, step);
  }
  return moved;
}
