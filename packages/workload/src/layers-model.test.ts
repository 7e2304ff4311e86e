import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { placeArchitecture } from '@convoy/model/architecture';
import { architectureOf, isLayersModel, notTaken } from './layers-model.ts';

const { conv2d, dense, flatten, maxPooling2d, averagePooling2d, dropout, batchNormalization, activation, reLU } =
  tf.layers;

describe('the layers of a model of TensorFlow.js', () => {
  it('are those of a sequential one, options and all', () => {
    const model = tf.sequential({
      layers: [
        conv2d({ inputShape: [28, 28, 1], filters: 8, kernelSize: 5, activation: 'relu', name: 'c1' }),
        maxPooling2d({ poolSize: 2, name: 'p1' }),
        conv2d({ filters: 16, kernelSize: 3, strides: 2, padding: 'same', activation: 'tanh', useBias: false, name: 'c2' }), // prettier-ignore
        batchNormalization({ momentum: 0.9, name: 'n2' }),
        reLU({ name: 'r2' }),
        dropout({ rate: 0.25, name: 'd2' }),
        averagePooling2d({ poolSize: [3, 3], name: 'p2' }),
        flatten({ name: 'flat' }),
        dense({ units: 10, activation: 'softmax', name: 'out' }),
      ],
    });
    expect(isLayersModel(model)).toBe(true);
    expect(architectureOf(model).slice(1)).toEqual([
      { type: 'conv2d', name: 'c1', filters: 8, kernelSize: 5, activation: 'relu', padding: 'valid' },
      { type: 'max-pooling2d', name: 'p1', poolSize: 2 },
      { type: 'conv2d', name: 'c2', filters: 16, kernelSize: 3, strides: 2, activation: 'tanh', useBias: false },
      { type: 'batch-normalization', name: 'n2', momentum: 0.9, epsilon: 1e-3 },
      { type: 'activation', name: 'r2', activation: 'relu' },
      { type: 'dropout', name: 'd2', rate: 0.25 },
      { type: 'average-pooling2d', name: 'p2', poolSize: 3 },
      { type: 'flatten', name: 'flat' },
      { type: 'dense', name: 'out', units: 10, activation: 'softmax' },
    ]);
    expect(architectureOf(model)[0]).toMatchObject({ type: 'input', shape: [28, 28, 1] });
    expect(placeArchitecture(architectureOf(model)).parameterCount).toBe(model.countParams());
  });

  it('are those of a functional one with a branch around two convolutions', () => {
    const input = tf.input({ shape: [8, 8, 3], name: 'image' });
    const first = conv2d({ filters: 4, kernelSize: 3, padding: 'same', name: 'first' }).apply(input);
    const inner = conv2d({ filters: 4, kernelSize: 3, padding: 'same', name: 'inner' }).apply(first);
    const sum = tf.layers.add({ name: 'sum' }).apply([inner, first] as tf.SymbolicTensor[]);
    const mean = tf.layers.globalAveragePooling2d({ name: 'mean' }).apply(sum);
    const logits = dense({ units: 3, name: 'logits' }).apply(mean);
    const output = activation({ activation: 'softmax', name: 'classes' }).apply(logits) as tf.SymbolicTensor;
    const model = tf.model({ inputs: input, outputs: output });
    const architecture = architectureOf(model);
    expect(architecture.map(({ name }) => name)).toEqual(['image', 'first', 'inner', 'sum', 'mean', 'logits']);
    expect(architecture[3]).toEqual({ type: 'add', name: 'sum', with: 'first' });
    expect(architecture.at(-1)).toMatchObject({ type: 'dense', activation: 'softmax' });
    expect(placeArchitecture(architecture).parameterCount).toBe(model.countParams());
  });

  const image = { inputShape: [8, 8, 1] };
  it.each([
    {
      title: 'a layer that Convoy has not',
      layers: () => [tf.layers.lstm({ inputShape: [4, 2], units: 3, name: 'memory' })],
      message: /^memory is a LSTM, which Convoy does not train; it does Conv2D, Dense/,
    },
    {
      title: 'a regularizer',
      layers: () => [dense({ inputShape: [4], units: 2, kernelRegularizer: 'l1l2', name: 'd' })],
      message:
        "d has a kernelRegularizer, which Convoy does not train with: leave it out, or use the optimizer's weightDecay",
    },
    {
      title: 'an activation that Convoy has not',
      layers: () => [dense({ inputShape: [4], units: 2, activation: 'elu', name: 'd' })],
      message: 'd has the activation elu; Convoy has relu, sigmoid, tanh, gelu, and softmax at the end',
    },
    {
      title: 'an oblong kernel',
      layers: () => [conv2d({ ...image, filters: 2, kernelSize: [3, 5], name: 'c' })],
      message: 'c has a kernelSize of 3 × 5; both must be the same',
    },
    {
      title: 'windows that overlap',
      layers: () => [maxPooling2d({ ...image, poolSize: 3, strides: 2, name: 'p' })],
      message: "p has strides of 2; Convoy's windows don't overlap: strides are 3 as poolSize",
    },
    {
      title: 'an input of any length',
      layers: () => [conv2d({ inputShape: [null, null, 1], filters: 2, kernelSize: 3, name: 'c' })],
      message: /must have an input of a fixed shape$/,
    },
    {
      title: 'a softmax behind no dense layer',
      layers: () => [flatten({ ...image, name: 'f' }), activation({ activation: 'softmax', name: 's' })],
      message: 's must come behind a Dense without an activation',
    },
    {
      title: 'a softmax before the last layer',
      layers: () => [
        dense({ inputShape: [4], units: 2, name: 'd' }),
        activation({ activation: 'softmax', name: 's' }),
        dense({ units: 2, name: 'e' }),
      ],
      message: 's has a softmax, which only the last layer can have',
    },
    {
      title: 'a layer that is not to be trained',
      layers: () => [dense({ inputShape: [4], units: 2, trainable: false, name: 'd' })],
      message: 'd has trainable false: Convoy trains every layer, and takes no weights that could be kept',
    },
    {
      title: 'a normalisation along another axis',
      layers: () => [
        conv2d({ ...image, filters: 2, kernelSize: 3, name: 'c' }),
        batchNormalization({ axis: 1, name: 'n' }),
      ],
      message: 'n has axis 1: Convoy trains with -1 or 3 only',
    },
    {
      title: 'a normalisation without its shift',
      layers: () => [
        conv2d({ ...image, filters: 2, kernelSize: 3, name: 'c' }),
        batchNormalization({ center: false, name: 'n' }),
      ],
      message: 'n has center false: Convoy trains with true only',
    },
    {
      title: 'channels that come first',
      layers: () => [
        conv2d({ inputShape: [8, 8, 8], filters: 2, kernelSize: 3, dataFormat: 'channelsFirst', name: 'c' }),
      ],
      message: 'c has dataFormat "channelsFirst": Convoy trains with "channelsLast" only',
    },
    {
      title: 'a constraint',
      layers: () => [dense({ inputShape: [4], units: 2, kernelConstraint: 'nonNeg', name: 'd' })],
      message: 'd has a kernelConstraint, which Convoy does not train with: leave it out',
    },
    {
      title: 'a relu that ends somewhere',
      layers: () => [reLU({ inputShape: [4], maxValue: 6, name: 'r' })],
      message: 'r has a maxValue, which Convoy does not train with: leave it out',
    },
    {
      title: 'a model in the model',
      layers: () => [tf.sequential({ layers: [dense({ inputShape: [4], units: 2 })], name: 'inner' })],
      message: 'inner is a Sequential, which Convoy does not train',
    },
  ])('refuse $title, by name', ({ layers, message }) => {
    expect(() => architectureOf(tf.sequential({ layers: layers() }))).toThrow(message);
  });

  it('may have the exact gelu, and not its approximation, which is another function', () => {
    const model = (name: 'gelu' | 'gelu_new') =>
      tf.sequential({ layers: [dense({ inputShape: [4], units: 2, activation: name as 'relu', name: 'd' })] });
    expect(architectureOf(model('gelu'))[1]).toEqual({ type: 'dense', name: 'd', units: 2, activation: 'gelu' });
    expect(() => architectureOf(model('gelu_new'))).toThrow('d has the activation gelu_new; Convoy has');
  });

  it('refuse an option of a later version by name', () => {
    const model = tf.sequential({ layers: [dense({ inputShape: [4], units: 2, name: 'd' })] });
    const [layer] = model.layers;
    const config = { ...layer!.getConfig(), useBiasOnTuesdays: true };
    const changed = { name: 'd', inboundNodes: [], getClassName: () => 'Dense', getConfig: () => config };
    expect(() =>
      architectureOf({ name: model.name, inputs: model.inputs, outputs: model.outputs, layers: [changed] }),
    ).toThrow('d has the option useBiasOnTuesdays, which Convoy does not know: leave it out');
  });

  it('have a rule for every option that TensorFlow.js tells of the classes that are read', () => {
    const model = tf.sequential({
      layers: [
        tf.layers.inputLayer({ inputShape: [12, 12, 3] }),
        tf.layers.rescaling({ scale: 0.5 }),
        conv2d({ filters: 2, kernelSize: 3 }),
        batchNormalization(),
        batchNormalization({ axis: 3 }),
        activation({ activation: 'relu' }),
        reLU(),
        maxPooling2d({ poolSize: 2 }),
        averagePooling2d({ poolSize: 2 }),
        dropout({ rate: 0.2 }),
        tf.layers.globalAveragePooling2d({}),
        dense({ units: 4, activation: 'softmax' }),
      ],
    });
    expect(architectureOf(model)).toHaveLength(model.layers.length);
  });

  it('refuse a layer that is applied twice', () => {
    const input = tf.input({ shape: [4] });
    const twice = dense({ units: 4, name: 'twice' });
    const output = twice.apply(twice.apply(input)) as tf.SymbolicTensor;
    expect(() => architectureOf(tf.model({ inputs: input, outputs: output }))).toThrow(
      'twice is applied 2 times; Convoy applies a layer once',
    );
  });

  it('refuse a branch that nothing adds', () => {
    const input = tf.input({ shape: [4] });
    const left = dense({ units: 2, name: 'left' }).apply(input) as tf.SymbolicTensor;
    const right = dense({ units: 2, name: 'right' }).apply(input) as tf.SymbolicTensor;
    const output = tf.layers.concatenate({ name: 'both' }).apply([left, right]) as tf.SymbolicTensor;
    expect(() => architectureOf(tf.model({ inputs: input, outputs: output }))).toThrow(
      /the only branches are those of an Add$/,
    );
  });
});

describe('what is not taken of a model of TensorFlow.js', () => {
  it('is told: its weights, initializers other than the default, and what compile was given', () => {
    const plain = tf.sequential({ layers: [dense({ inputShape: [4], units: 2, name: 'd' })], name: 'plain' });
    expect(notTaken(plain)).toBe(
      "the layers of the model plain are taken and its weights are not: the run's seed draws new ones, Glorot-uniform for kernels",
    );
    const model = tf.sequential({
      layers: [
        dense({ inputShape: [4], units: 2, kernelInitializer: 'heNormal', biasInitializer: 'ones', name: 'd' }),
        dropout({ rate: 0.5, seed: 3, name: 'o' }),
        dense({ units: 2, kernelInitializer: 'glorotUniform', name: 'e' }),
      ],
      name: 'm',
    });
    model.compile({ optimizer: 'adam', loss: 'meanSquaredError' });
    expect(notTaken(model)).toBe(
      "the layers of the model m are taken and its weights are not: the run's seed draws new ones, Glorot-uniform for kernels, in place of what its layers ask for (d: kernelInitializer VarianceScaling of 2, fanIn, normal, biasInitializer Ones; o: seed 3). Nor is what compile() was given, the optimizer Adam and the loss meanSquaredError: the run has its own",
    );
  });
});
