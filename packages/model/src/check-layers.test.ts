import { describe, expect, it } from 'vitest';
import { placeArchitecture } from './architecture.ts';
import { checkLayers } from './check-layers.ts';
import type { LayerInput } from './layers.ts';

describe('layers as data', () => {
  it("get Keras's defaults and names where nothing is said", () => {
    const given: readonly LayerInput[] = [
      { type: 'input', shape: [8, 8, 1] },
      { type: 'conv2d', filters: 4, kernelSize: 3 },
      { type: 'conv2d', filters: 4, kernelSize: 3, name: 'conv2d_2' },
      { type: 'conv2d', filters: 4, kernelSize: 3 },
      { type: 'conv2d', filters: 4, kernelSize: 3 },
      { type: 'batch-normalization' },
      { type: 'max-pooling2d' },
      { type: 'flatten' },
      { type: 'dense', units: 2 },
    ];
    expect(checkLayers(given)).toEqual([
      { type: 'input', name: 'input', shape: [8, 8, 1] },
      { type: 'conv2d', name: 'conv2d', filters: 4, kernelSize: 3, activation: 'linear' },
      { type: 'conv2d', name: 'conv2d_2', filters: 4, kernelSize: 3, activation: 'linear' },
      { type: 'conv2d', name: 'conv2d_1', filters: 4, kernelSize: 3, activation: 'linear' },
      { type: 'conv2d', name: 'conv2d_3', filters: 4, kernelSize: 3, activation: 'linear' },
      { type: 'batch-normalization', name: 'batch_normalization', momentum: 0.99, epsilon: 1e-3 },
      { type: 'max-pooling2d', name: 'max_pooling2d', poolSize: 2 },
      { type: 'flatten', name: 'flatten' },
      { type: 'dense', name: 'dense', units: 2, activation: 'linear' },
    ]);
    expect(checkLayers(checkLayers(given))).toEqual(checkLayers(given));
  });

  it('that come as JSON are the same', () => {
    const json = '[{"type":"input","shape":[2]},{"type":"dense","units":3,"activation":"softmax"}]';
    expect(placeArchitecture(JSON.parse(json) as LayerInput[]).parameterCount).toBe(9);
  });

  it.each<[unknown, string]>([
    [{ type: 'dense', name: 'd', unit: 8 }, 'd (dense) has no option "unit"; did you mean "units"?'],
    [{ type: 'dense', unit: 8 }, 'layer 2 (dense) has no option "unit"; did you mean "units"?'],
    [{ type: 'dense', name: 'd' }, 'd (dense) needs the option "units"'],
    [{ type: 'dense', name: 'd', units: 0 }, 'd (dense): units must be at least 1, not 0'],
    [{ type: 'dense', name: 'd', units: 2.5 }, 'd (dense): units must be a whole number, not 2.5'],
    [{ type: 'dense', name: 'd', units: '8' }, 'd (dense): units must be a number, not "8"'],
    [{ type: 'dense', name: 'd', units: NaN }, 'd (dense): units must be a number, not NaN'],
    [
      { type: 'dense', name: 'd', units: 8, activation: 'leakyrelu' },
      'd (dense): activation must be "linear" or "relu" or "sigmoid" or "tanh" or "gelu" or "softmax", not "leakyrelu"',
    ],
    [
      { type: 'activation', name: 'a', activation: 'ReLU' },
      'a (activation): activation must be "relu" or "sigmoid" or "tanh" or "gelu", not "ReLU"; did you mean "relu"?',
    ],
    [
      { type: 'dense', name: 'd', units: 8, kernelRegularizer: 'l2' },
      'd (dense) has no option "kernelRegularizer"; its options are units, activation, useBias',
    ],
    [{ type: 'flatten', name: 'f', units: 8 }, 'f (flatten) has no option "units"; it has none but its name'],
    [{ type: 'dropout', name: 'd', rate: 50 }, 'd (dropout): rate must be less than 1, not 50'],
    [{ type: 'dropout', name: 'd', rate: 1 }, 'd (dropout): rate must be less than 1, not 1'],
    [{ type: 'rescaling', name: 'r', scale: Infinity }, 'r (rescaling): scale must be finite, not Infinity'],
    [
      { type: 'batch-normalization', name: 'n', momentum: 1 },
      'n (batch-normalization): momentum must be at most 0.999999, not 1',
    ],
    [
      { type: 'input', name: 'in', shape: [6, 0, 1] },
      'in (input): shape must be a list of whole numbers above 0, not [6,0,1]',
    ],
    [{ type: 'flatten', name: 7 }, 'layer 2 (flatten): name must be a text, not 7'],
    [{ type: 'flatten', name: 'a\nb' }, 'layer 2 (flatten): name must be a text of 1 to 200 characters, not "a\\nb"'],
    [{ name: 'd', units: 8 }, /^d has no type: there are input, conv2d, dense, /],
    [{ type: 'lstm', name: 'm', units: 8 }, /^m is of the type "lstm": there are input, conv2d, dense, /],
    [{ type: 'Conv2D', name: 'c' }, 'c is of the type "Conv2D"; did you mean "conv2d"?'],
    [
      { type: 'BatchNormalization' },
      'layer 2 is of the type "BatchNormalization"; did you mean "batch-normalization"?',
    ],
    [{ type: 'toString' }, /^layer 2 is of the type "toString": there are/],
    [{ type: 'flaten' }, 'layer 2 is of the type "flaten"; did you mean "flatten"?'],
    ['relu', 'layer 2 must be an object such as { type: \'dense\', units: 10 }, not "relu"'],
    [undefined, "layer 2 must be an object such as { type: 'dense', units: 10 }, not undefined"],
  ] as [unknown, string | RegExp][] as [unknown, string][])('%j is refused in one line', (layer, message) => {
    expect(() => checkLayers([{ type: 'input', shape: [4] }, layer])).toThrow(message);
    expect(() => checkLayers([{ type: 'input', shape: [4] }, layer])).toThrow(RangeError);
  });
});

describe('the hash of a model', () => {
  const hash = (layers: readonly unknown[], loss?: 'meanSquaredError') =>
    placeArchitecture(layers as readonly LayerInput[], loss).hash;

  // Runs that were begun with these have the hash in their checkpoints.
  it('is of what was written down: options in their order, none added that were left out', () => {
    expect(
      hash([
        { name: 'in', shape: [4, 4, 1], type: 'input', dtype: 'float32' },
        { useBias: true, type: 'conv2d', padding: 'same', strides: 1, activation: 'relu', kernelSize: 3, filters: 2, name: 'c' }, // prettier-ignore
        { type: 'flatten', name: 'f' },
        { units: 3, activation: 'softmax', name: 'o', type: 'dense' },
      ]),
    ).toBe('d69a817e82c92f73bb0ea60ed0a91d77eaa69af87328d05b6cd09f1334732092');
    expect(
      hash([
        { type: 'input', name: 'in', shape: [4, 4, 2], dtype: undefined },
        { type: 'conv2d', name: 'c', filters: 2, kernelSize: 1, activation: 'linear', strides: undefined },
        { type: 'batch-normalization', name: 'n', momentum: 0.9, epsilon: 1e-3 },
        { type: 'add', name: 'a', with: 'c' },
        { type: 'global-average-pooling2d', name: 'g' },
        { type: 'dropout', name: 'd', rate: 0.5 },
        { type: 'dense', name: 'o', units: 2, activation: 'softmax' },
      ]),
    ).toBe('f289780664aa135e8a2bbf1f503be609be341276002d6c9baf1675e962006288');
    expect(
      hash(
        [
          { type: 'input', name: 'in', shape: [2] },
          { type: 'rescaling', name: 'r', scale: 0.5 },
          { type: 'dense', name: 'o', units: 1, activation: 'linear', useBias: false },
        ],
        'meanSquaredError',
      ),
    ).toBe('ddac6400394282ed3601372c2e274f7c5179d70787abb7c3b8567be9a037e929');
  });
});
