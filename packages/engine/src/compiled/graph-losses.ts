import type { Loss } from '@convoy/model/loss';
import type { Graph, Output } from './graph.ts';
import { crossEntropy, softCrossEntropy, squaredError } from './operations.ts';
import type { Tape } from './tape.ts';

/** What is expected of samples. */
interface ExpectedInputs {
  /** int32 [N]. */
  readonly labels: Output;
  /** float32 [N, outputs]. */
  readonly targets: Output;
}

/** Each sample's loss [N], and where the backward pass starts: the slope of their sum with respect to the outputs. */
interface LossOutputs {
  readonly losses_N: Output;
  readonly slope: Output;
}

interface GraphLoss {
  readonly losses: (tape: Tape, outputs_NO: Output, expected: ExpectedInputs, outputs: number) => LossOutputs;
  /** The loss of `targets`, where the one of the labels is another. */
  readonly softLosses: ((tape: Tape, outputs_NO: Output, expected: ExpectedInputs) => LossOutputs) | null;
  /** What the metric looks at. */
  readonly predictions: (graph: Graph, outputs_NO: Output) => Output;
}

/** Each loss as operations of TensorFlow. */
export const GRAPH_LOSSES: Readonly<Record<Loss, GraphLoss>> = {
  sparseCategoricalCrossentropy: {
    losses(tape, logits_NC, { labels }) {
      const { losses_N, slope_NC } = crossEntropy(tape, logits_NC, labels);
      return { losses_N, slope: slope_NC };
    },
    softLosses(tape, logits_NC, { targets }) {
      const { losses_N, slope_NC } = softCrossEntropy(tape, logits_NC, targets);
      return { losses_N, slope: slope_NC };
    },
    predictions: argMax,
  },
  meanSquaredError: {
    losses(tape, values_NO, { targets }, outputs) {
      const { losses_N, slope_NO } = squaredError(tape, values_NO, targets, outputs);
      return { losses_N, slope: slope_NO };
    },
    softLosses: null,
    predictions: (_, values_NO) => values_NO,
  },
};

function argMax(graph: Graph, logits_NC: Output): Output {
  const axis = graph.constant({ type: 'int32', shape: [], values: [1] });
  const type = { type: 'float32' } as const;
  return graph.add('ArgMax', [logits_NC, axis], { T: type, Tidx: { type: 'int32' }, output_type: { type: 'int32' } });
}
