import { placeArchitecture, type Architecture, type Model } from '@convoy/model/architecture';
import type { Layer } from '@convoy/model/layers';

/** The momentum of PyTorch's normalisation, which the residual network's author used: epochs are few. */
const FAST = { momentum: 0.9 };

/** The lesson's CNN, layer by layer; 904,718 parameters. */
const LESSON_CNN: Architecture = [
  { type: 'input', name: 'input_1', shape: [32, 32, 3] },
  { type: 'conv2d', name: 'conv2d', filters: 32, kernelSize: 3, activation: 'relu' },
  { type: 'conv2d', name: 'conv2d_1', filters: 32, kernelSize: 3, activation: 'relu' },
  { type: 'max-pooling2d', name: 'max_pooling2d', poolSize: 2 },
  { type: 'conv2d', name: 'conv2d_2', filters: 64, kernelSize: 3, activation: 'relu' },
  { type: 'conv2d', name: 'conv2d_3', filters: 64, kernelSize: 3, activation: 'linear' },
  { type: 'activation', name: 'activation', activation: 'relu' },
  { type: 'max-pooling2d', name: 'max_pooling2d_1', poolSize: 2 },
  { type: 'conv2d', name: 'conv2d_4', filters: 128, kernelSize: 3, activation: 'relu' },
  { type: 'conv2d', name: 'conv2d_5', filters: 128, kernelSize: 3, activation: 'relu' },
  { type: 'max-pooling2d', name: 'max_pooling2d_2', poolSize: 2 },
  { type: 'flatten', name: 'flatten' },
  { type: 'dropout', name: 'dropout', rate: 0.5 },
  { type: 'dense', name: 'fc1', units: 300, activation: 'relu' },
  { type: 'dropout', name: 'dropout_1', rate: 0.3 },
  { type: 'dense', name: 'output', units: 10, activation: 'softmax' },
];

/** The lesson's CNN with the three layers that the lesson imports and leaves for later: normalised, averaged, dropped out. */
const LESSON_BN: Architecture = [
  { type: 'input', name: 'input_1', shape: [32, 32, 3] },
  ...convolution(0, 32),
  ...convolution(1, 32),
  pool(0),
  ...convolution(2, 64),
  ...convolution(3, 64),
  pool(1),
  ...convolution(4, 128),
  ...convolution(5, 128),
  { type: 'global-average-pooling2d', name: 'global_average_pooling2d' },
  { type: 'dense', name: 'fc1', units: 300, activation: 'relu' },
  { type: 'dropout', name: 'dropout', rate: 0.3 },
  { type: 'dense', name: 'output', units: 10, activation: 'softmax' },
];

/**
 * A residual network of eight convolutions, at half the width of the one that its author trained to 94 % in 24 epochs (Page,
 * "How to train your ResNet", 2018): few, wide layers keep two cores busier than ResNet-20's many narrow ones.
 */
const RESNET: Architecture = [
  { type: 'input', name: 'input_1', shape: [32, 32, 3] },
  ...convolution(0, 32, FAST),
  ...convolution(1, 64, { pool: 0, ...FAST }),
  ...residual(2, 64, numbered('activation', 1)),
  ...convolution(4, 128, { pool: 1, ...FAST }),
  ...convolution(5, 256, { pool: 2, ...FAST }),
  ...residual(6, 256, numbered('activation', 5)),
  { type: 'global-average-pooling2d', name: 'global_average_pooling2d' },
  { type: 'dense', name: 'output', units: 10, activation: 'softmax' },
];

const architectures = {
  'lesson-cnn': LESSON_CNN,
  'lesson-bn': LESSON_BN,
  resnet: RESNET,
} as const satisfies Readonly<Record<string, Architecture>>;

export type ModelName = keyof typeof architectures;
export const MODEL_NAMES = Object.keys(architectures) as readonly ModelName[];

/** The models by the names that a run's configuration knows them by. */
export const models = Object.fromEntries(
  MODEL_NAMES.map((name) => [name, placeArchitecture(architectures[name])]),
) as Readonly<Record<ModelName, Model>>;

/** The lesson's CNN, placed. */
export const lessonModel: Model = models['lesson-cnn'];

interface ConvolutionOptions {
  /** The number of a pool between convolution and normalisation, which then works on a quarter of the values. */
  readonly pool?: number;
  /** The momentum of the moving statistics. Keras's default outlasts a short training: after 192 steps a seventh is still the initial 0 and 1. */
  readonly momentum?: number;
}

/** A convolution, normalised, then relu. */
function convolution(index: number, filters: number, options: ConvolutionOptions = {}): Layer[] {
  const { pool: poolIndex, momentum = 0.99 } = options;
  return [
    { type: 'conv2d', name: numbered('conv2d', index), filters, kernelSize: 3, activation: 'linear', useBias: false },
    ...(poolIndex === undefined ? [] : [pool(poolIndex)]),
    // Keras's default.
    { type: 'batch-normalization', name: numbered('batch_normalization', index), momentum, epsilon: 1e-3 },
    { type: 'activation', name: numbered('activation', index), activation: 'relu' },
  ];
}

/** Two convolutions, and what went into them added to what comes out. */
function residual(index: number, filters: number, input: string): Layer[] {
  return [
    ...convolution(index, filters, FAST),
    ...convolution(index + 1, filters, FAST),
    { type: 'add', name: `add_${index}`, with: input },
  ];
}

function pool(index: number): Layer {
  return { type: 'max-pooling2d', name: numbered('max_pooling2d', index), poolSize: 2 };
}

/** As Keras numbers layers of a kind: the first without a number. */
function numbered(name: string, index: number): string {
  return index === 0 ? name : `${name}_${index}`;
}
