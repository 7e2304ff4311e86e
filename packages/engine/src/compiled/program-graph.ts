import type { Model } from '@convoy/model/architecture';
import { dropoutRateOf } from '@convoy/model/layers';
import { Graph, type Output } from './graph.ts';
import { forwardGraph } from './forward-graph.ts';
import { GRAPH_LOSSES } from './graph-losses.ts';
import { divideBytes, reshape } from './operations.ts';
import { Tape } from './tape.ts';

/** The graph of a model's gradient and of its evaluation, and what to feed to and fetch from each. */
export interface ProgramGraph {
  readonly graph: Graph;
  /** One per entry of the model's table, of its shape. */
  readonly parameters: readonly Output[];
  /** uint8 or float32 [N, ...model.input.shape]. */
  readonly inputs: Output;
  /** What bytes are divided by, float32 []: see `divideBytes`. Floats are not. */
  readonly byteScale: Output | null;
  /** int32 [N], of a classification. */
  readonly labels: Output;
  readonly masks: readonly MaskInput[];
  /** float32 [N, outputs]: the probabilities that `softTraining` expects, or the values of a regression. */
  readonly targets: Output;
  readonly training: TrainingResults;
  /** With the loss of `targets` in the place of the labels': a graph of its own, so that the other stays as it is. */
  readonly softTraining: TrainingResults;
  /** Without dropout and with the moving statistics: takes no masks. */
  readonly evaluation: Results & {
    /** float32 [N, outputs]: logits or values; needs neither labels nor targets. */
    readonly outputs: Output;
  };
}

export interface TrainingResults extends Results {
  /**
   * float32 [P], in the order of the model's table: slopes of the losses' sum, and for moving statistics the batch's own,
   * variances with Bessel's correction.
   */
  readonly gradient: Output;
}

/** A dropout layer's multipliers, float32 [N, ...shape]. */
export interface MaskInput {
  /** The layer's index in the architecture. */
  readonly layer: number;
  /** The shape of the layer's input. */
  readonly shape: readonly number[];
  readonly input: Output;
}

export interface Results {
  /** Each sample's loss, float32 [N]: cross-entropy in nats, or the mean squared error. */
  readonly losses: Output;
  /** The class with the largest logit, int32 [N]; of a regression the values, float32 [N, outputs]. */
  readonly predictions: Output;
}

export function programGraph(model: Model): ProgramGraph {
  const graph = new Graph();
  const { shape, type } = model.input;
  const { losses, softLosses, predictions } = GRAPH_LOSSES[model.loss];
  const inputs = graph.within('in', () => ({
    parameters: model.tensors.map(({ name, shape }) => graph.placeholder(name, 'float32', shape)),
    inputs: graph.placeholder('inputs', type, [-1, ...shape]),
    byteScale: type === 'uint8' ? graph.placeholder('byte-scale', 'float32', []) : null,
    labels: graph.placeholder('labels', 'int32', [-1]),
    targets: graph.placeholder('targets', 'float32', [-1, model.outputs]),
    masks: maskInputs(graph, model),
  }));
  const masks = new Map(inputs.masks.map(({ layer, input }) => [layer, input]));
  const floats = (tape: Tape) =>
    inputs.byteScale === null ? inputs.inputs : divideBytes(tape, inputs.inputs, inputs.byteScale);
  const hardLosses = (tape: Tape, outputs: Output) => losses(tape, outputs, inputs, model.outputs);

  const train = (lossOf: typeof hardLosses) => {
    const tape = new Tape(graph);
    const { parameters } = inputs;
    const trained = parameters.filter((_, index) => model.tensors[index]!.momentum === undefined);
    trained.forEach((parameter) => tape.watch(parameter));
    const statistics = new Map<number, Output>();
    const outputs = forwardGraph(tape, model, { inputs: floats(tape), parameters, masks, statistics });
    const { losses_N, slope } = lossOf(tape, outputs);
    const slopes = tape.slopes(outputs, slope, trained);
    const flat = parameters.map((_, index) => slopes[index] ?? statistics.get(index)!);
    return { losses: losses_N, predictions: predictions(graph, outputs), gradient: concatenate(tape, flat) };
  };
  const training = graph.within('training', () => train(hardLosses));
  const softTraining =
    softLosses === null
      ? training
      : graph.within('soft-training', () => train((tape, outputs) => softLosses(tape, outputs, inputs)));
  const evaluation = graph.within('evaluation', () => {
    const tape = new Tape(graph);
    const outputs = forwardGraph(tape, model, {
      inputs: floats(tape),
      parameters: inputs.parameters,
      masks: new Map(),
      statistics: null,
    });
    return { losses: hardLosses(tape, outputs).losses_N, predictions: predictions(graph, outputs), outputs };
  });
  return { graph, ...inputs, training, softTraining, evaluation };
}

function maskInputs(graph: Graph, model: Model): MaskInput[] {
  return model.layers.flatMap(({ layer, inputShape }, index) => {
    if (dropoutRateOf(layer) === null) return [];
    const input = graph.placeholder(`${layer.name}/mask`, 'float32', [-1, ...inputShape]);
    return [{ layer: index, shape: inputShape, input }];
  });
}

/** One flat vector of all, so that one copy reads it out. */
function concatenate(tape: Tape, slopes: readonly Output[]): Output {
  const { graph } = tape;
  const flat = slopes.map((slope) => reshape(tape, slope, graph.integers([-1])));
  // TensorFlow joins two or more.
  if (flat.length === 1) return flat[0]!;
  const axis = graph.constant({ type: 'int32', shape: [], values: [0] });
  return graph.add('ConcatV2', [...flat, axis], {
    N: { int: flat.length },
    T: { type: 'float32' },
    Tidx: { type: 'int32' },
  });
}
