import type { Model } from '../architecture.ts';
import { Graph, type Output } from './graph.ts';
import { forwardGraph } from './forward-graph.ts';
import { crossEntropy, divideBytes, reshape, softCrossEntropy } from './operations.ts';
import { Tape } from './tape.ts';

/** The graph of a model's gradient and of its evaluation, and what to feed to and fetch from each. */
export interface ProgramGraph {
  readonly graph: Graph;
  /** One per entry of the model's table, of its shape. */
  readonly parameters: readonly Output[];
  /** uint8 [N, H, W, C]. */
  readonly images: Output;
  /** What pixels are divided by, float32 []: see `divideBytes`. */
  readonly pixelScale: Output;
  /** int32 [N]. */
  readonly labels: Output;
  readonly masks: readonly MaskInput[];
  /** float32 [N, classes]: the probabilities that `softTraining` expects. */
  readonly targets: Output;
  readonly training: TrainingResults;
  /** With the loss of `targets` in the place of the labels': a graph of its own, so that the other stays as it is. */
  readonly softTraining: TrainingResults;
  /** Without dropout and with the moving statistics: takes no masks. */
  readonly evaluation: Results & {
    /** float32 [N, classes]; needs no labels. */
    readonly logits: Output;
  };
}

export interface TrainingResults extends Results {
  /**
   * float32 [P], in the order of the model's table: slopes of the losses' sum, and for moving statistics the batch's own,
   * variances with Bessel's correction.
   */
  readonly gradient: Output;
}

/** A dropout layer's multipliers, float32 [N, units]. */
export interface MaskInput {
  /** The layer's index in the architecture. */
  readonly layer: number;
  readonly units: number;
  readonly input: Output;
}

export interface Results {
  /** Cross-entropy per sample in nats, float32 [N]. */
  readonly losses: Output;
  /** The class with the largest logit, int32 [N]. */
  readonly predictions: Output;
}

/** @throws UnsupportedLayer */
export function programGraph(model: Model): ProgramGraph {
  const graph = new Graph();
  const inputs = graph.within('in', () => ({
    parameters: model.tensors.map(({ name, shape }) => graph.placeholder(name, 'float32', shape)),
    images: graph.placeholder('images', 'uint8', [-1, ...model.layers[0]!.outputShape]),
    pixelScale: graph.placeholder('pixel-scale', 'float32', []),
    labels: graph.placeholder('labels', 'int32', [-1]),
    targets: graph.placeholder('targets', 'float32', [-1, model.classes]),
    masks: maskInputs(graph, model),
  }));
  const masks = new Map(inputs.masks.map(({ layer, input }) => [layer, input]));

  const train = (lossOf: (tape: Tape, logits_NC: Output) => { losses_N: Output; slope_NC: Output }) => {
    const tape = new Tape(graph);
    const { parameters } = inputs;
    const trained = parameters.filter((_, index) => model.tensors[index]!.momentum === undefined);
    trained.forEach((parameter) => tape.watch(parameter));
    const statistics = new Map<number, Output>();
    const images_NHWC = divideBytes(tape, inputs.images, inputs.pixelScale);
    const logits_NC = forwardGraph(tape, model, { images_NHWC, parameters, masks, statistics });
    const { losses_N, slope_NC } = lossOf(tape, logits_NC);
    const slopes = tape.slopes(logits_NC, slope_NC, trained);
    const flat = parameters.map((_, index) => slopes[index] ?? statistics.get(index)!);
    return { losses: losses_N, predictions: argMax(graph, logits_NC), gradient: concatenate(tape, flat) };
  };
  const training = graph.within('training', () => train((tape, logits) => crossEntropy(tape, logits, inputs.labels)));
  const softTraining = graph.within('soft-training', () =>
    train((tape, logits) => softCrossEntropy(tape, logits, inputs.targets)),
  );
  const evaluation = graph.within('evaluation', () => {
    const tape = new Tape(graph);
    const logits_NC = forwardGraph(tape, model, {
      images_NHWC: divideBytes(tape, inputs.images, inputs.pixelScale),
      parameters: inputs.parameters,
      masks: new Map(),
      statistics: null,
    });
    const { losses_N } = crossEntropy(tape, logits_NC, inputs.labels);
    return { losses: losses_N, predictions: argMax(graph, logits_NC), logits: logits_NC };
  });
  return { graph, ...inputs, training, softTraining, evaluation };
}

function maskInputs(graph: Graph, model: Model): MaskInput[] {
  return model.layers.flatMap(({ layer, inputShape }, index) => {
    if (layer.type !== 'dropout') return [];
    const units = inputShape[0]!;
    const input = graph.placeholder(`${layer.name}/mask`, 'float32', [-1, units]);
    return [{ layer: index, units, input }];
  });
}

function argMax(graph: Graph, logits_NC: Output): Output {
  const axis = graph.constant({ type: 'int32', shape: [], values: [1] });
  const type = { type: 'float32' } as const;
  return graph.add('ArgMax', [logits_NC, axis], { T: type, Tidx: { type: 'int32' }, output_type: { type: 'int32' } });
}

/** One flat vector of all, so that one copy reads it out. */
function concatenate(tape: Tape, slopes: readonly Output[]): Output {
  const { graph } = tape;
  const flat = slopes.map((slope) => reshape(tape, slope, graph.integers([-1])));
  const axis = graph.constant({ type: 'int32', shape: [], values: [0] });
  return graph.add('ConcatV2', [...flat, axis], {
    N: { int: flat.length },
    T: { type: 'float32' },
    Tidx: { type: 'int32' },
  });
}
