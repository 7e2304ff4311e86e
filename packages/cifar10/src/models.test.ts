import { describe, expect, it } from 'vitest';
import { placeArchitecture } from '@convoy/model/architecture';
import { initialValues } from '@convoy/model/initial-values';
import { lessonModel, models } from './models.ts';

describe("the lesson's CNN", () => {
  it('has 904,718 parameters, laid out without gaps', () => {
    expect(lessonModel.parameterCount).toBe(904_718);
    let offset = 0;
    for (const tensor of lessonModel.tensors) {
      expect(tensor.offset).toBe(offset);
      expect(tensor.size).toBe(tensor.shape.reduce((size, dimension) => size * dimension, 1));
      offset += tensor.size;
    }
    expect(offset).toBe(904_718);
  });

  it("has the lesson's shapes and counts, layer by layer", () => {
    const rows = lessonModel.layers.map(({ layer, outputShape, parameters }) => [
      layer.name,
      outputShape.join('×'),
      parameters.reduce((sum, { size }) => sum + size, 0),
    ]);
    expect(rows).toEqual([
      ['input_1', '32×32×3', 0],
      ['conv2d', '32×32×32', 896],
      ['conv2d_1', '32×32×32', 9_248],
      ['max_pooling2d', '16×16×32', 0],
      ['conv2d_2', '16×16×64', 18_496],
      ['conv2d_3', '16×16×64', 36_928],
      ['activation', '16×16×64', 0],
      ['max_pooling2d_1', '8×8×64', 0],
      ['conv2d_4', '8×8×128', 73_856],
      ['conv2d_5', '8×8×128', 147_584],
      ['max_pooling2d_2', '4×4×128', 0],
      ['flatten', '2048', 0],
      ['dropout', '2048', 0],
      ['fc1', '300', 614_700],
      ['dropout_1', '300', 0],
      ['output', '10', 3_010],
    ]);
  });

  it('and the other built-in models keep their hashes: a change of one locks older workers and runs out', () => {
    expect(lessonModel.hash).toBe('bfdcedddfca02be0764bc463a9acc9d56c657bf8ae0efa5b71f2621e78904330');
    expect(models['lesson-bn'].hash).toBe('3a519db3277ba7860de86171743469d78536a8e8db96fd0b0c79de2a23e5b706');
    expect(models.resnet.hash).toBe('d1d40eed37326c189638f2628d40e6599d1e5d10f01e98425dc55734b4c535b9');
  });
});

describe.each([
  { name: 'lesson-bn', trainable: 329_166, statistics: 896 },
  { name: 'resnet', trainable: 1_646_122, statistics: 2_240 },
] as const)('$name', ({ name, trainable, statistics }) => {
  const model = models[name];

  it('has what is trained first and its moving statistics behind, without gaps', () => {
    expect([model.trainableCount, model.parameterCount]).toEqual([trainable, trainable + statistics]);
    let offset = 0;
    for (const tensor of model.tensors) {
      expect(tensor.offset).toBe(offset);
      expect(tensor.momentum !== undefined).toBe(offset >= trainable);
      offset += tensor.size;
    }
    expect(offset).toBe(model.parameterCount);
  });

  it('starts normalising with factor 1, mean 0 and variance 1', () => {
    const values = initialValues(model, 7);
    for (const { name: tensor, offset, size } of model.tensors) {
      const expected = /gamma|variance/.test(tensor) ? 1 : /beta|mean/.test(tensor) ? 0 : null;
      if (expected !== null)
        expect(values.subarray(offset, offset + size)).toEqual(new Float32Array(size).fill(expected));
    }
  });
});

describe('placeArchitecture', () => {
  it('refuses to add a layer that is not there, or of another shape', () => {
    const place = (name: string) =>
      placeArchitecture([
        { type: 'input', name: 'in', shape: [4, 4, 1] },
        { type: 'flatten', name: 'flat' },
        { type: 'add', name: 'sum', with: name },
      ]);
    expect(() => place('out')).toThrow('sum follows out, and no layer before it is called so');
    expect(() => place('in')).toThrow("sum can't add [4, 4, 1] to [16]");
  });

  it('names what is called nearly like the layer that is not there', () => {
    const place = () =>
      placeArchitecture([
        { type: 'input', name: 'in', shape: [4] },
        { type: 'dense', name: 'hidden', units: 4 },
        { type: 'add', name: 'sum', with: 'hiden' },
      ]);
    expect(place).toThrow('sum follows hiden, and no layer before it is called so; did you mean hidden?');
  });

  it('refuses a normalisation behind a flat layer', () => {
    const place = () =>
      placeArchitecture([
        { type: 'input', name: 'in', shape: [4] },
        { type: 'dense', name: 'hidden', units: 64 },
        { type: 'batch-normalization', name: 'norm' },
      ]);
    expect(place).toThrow(
      'norm normalises the channels of an image, [height, width, channels], and its input is [64]: put it behind a convolution or a pooling',
    );
  });

  it('refuses one class, and more parameters than a process holds', () => {
    const place = (shape: number, units: number) => () =>
      placeArchitecture([
        { type: 'input', name: 'in', shape: [shape] },
        { type: 'dense', name: 'out', units, activation: 'softmax' },
      ]);
    expect(place(4, 1)).toThrow(
      'out has one unit, and sparseCategoricalCrossentropy tells two classes or more apart: give each class a unit',
    );
    expect(place(1e6, 1e6)).toThrow('the model has 1000001000000 parameters, and Convoy trains up to 536870912');
  });

  it('refuses a dense layer on an image', () => {
    const place = () =>
      placeArchitecture([
        { type: 'input', name: 'in', shape: [4, 4, 1] },
        { type: 'dense', name: 'out', units: 2, activation: 'softmax' },
      ]);
    expect(place).toThrow('out needs a flat input, not [4, 4, 1]: put a flatten before it');
  });
});

describe('initialValues', () => {
  const values = initialValues(lessonModel, 7);

  it('are zero for biases and Glorot-uniform for kernels', () => {
    for (const { name, shape, offset, size } of lessonModel.tensors) {
      const part = values.subarray(offset, offset + size);
      if (name.endsWith('/bias')) {
        expect(part.every((value) => value === 0)).toBe(true);
        continue;
      }
      const field = shape.length === 4 ? shape[0]! * shape[1]! : 1;
      const limit = Math.sqrt(6 / (field * (shape.at(-2)! + shape.at(-1)!)));
      const largest = part.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      const variance = part.reduce((sum, value) => sum + value * value, 0) / size;
      expect(largest).toBeLessThanOrEqual(Math.fround(limit));
      expect(largest).toBeGreaterThan(0.95 * limit);
      // A uniform distribution on ±limit has variance limit² / 3; ten standard errors of that estimate.
      expect(Math.abs(variance / (limit ** 2 / 3) - 1)).toBeLessThan(10 / Math.sqrt(size));
    }
  });

  it('depend on the seed alone', () => {
    const equals = (other: Float32Array) => Buffer.from(other.buffer).equals(Buffer.from(values.buffer));
    expect(equals(initialValues(lessonModel, 7))).toBe(true);
    expect(equals(initialValues(lessonModel, 8))).toBe(false);
  });
});

describe('an architecture', () => {
  const input = { type: 'input', name: 'in', shape: [6, 6, 1] } as const;
  const flat = { type: 'flatten', name: 'flat' } as const;
  const softmax = { type: 'dense', name: 'out', units: 3, activation: 'softmax' } as const;
  const linear = { ...softmax, activation: 'linear' } as const;

  it('counts strides and missing padding in the shapes', () => {
    const { layers } = placeArchitecture([
      input,
      { type: 'conv2d', name: 'valid', filters: 2, kernelSize: 3, activation: 'relu', padding: 'valid' },
      { type: 'conv2d', name: 'strided', filters: 5, kernelSize: 3, activation: 'relu', strides: 3 },
      flat,
      softmax,
    ]);
    expect(layers.map(({ outputShape }) => outputShape)).toEqual([[6, 6, 1], [4, 4, 2], [2, 2, 5], [20], [3]]);
  });

  it('with another loss or another type of input is another function', () => {
    const classes = placeArchitecture([input, flat, softmax]);
    const values = placeArchitecture([input, flat, linear], 'meanSquaredError');
    expect(values).toMatchObject({ loss: 'meanSquaredError', outputs: 3, input: { size: 36, type: 'uint8' } });
    const floats = placeArchitecture([{ ...input, dtype: 'float32' }, flat, softmax]);
    expect(new Set([classes.hash, values.hash, floats.hash]).size).toBe(3);
  });

  it.each([
    { title: 'without an input', layers: [flat, softmax], message: 'the first layer must be the input' },
    { title: 'of two inputs', layers: [input, input, softmax], message: 'only the first layer can be the input' },
    {
      title: 'of an open shape',
      layers: [{ ...input, shape: [6, 0, 1] }, flat, softmax],
      message: 'in (input): shape must be a list of whole numbers above 0, not [6,0,1]',
    },
    {
      title: 'with a name twice',
      layers: [input, flat, { ...softmax, name: 'flat' }],
      message: 'two layers are called flat',
    },
    {
      title: 'without a softmax for its classes',
      layers: [input, flat, linear],
      message: 'sparseCategoricalCrossentropy needs a softmax at the end, and out has none',
    },
    {
      title: 'with a softmax inside',
      layers: [input, flat, { ...softmax, name: 'inner' }, softmax],
      message: 'inner has a softmax, which only the last layer can have',
    },
    { title: 'that ends with an image', layers: [input], message: 'in is the last layer and must have a flat output' },
    {
      title: 'that shrinks to nothing',
      layers: [
        input,
        { type: 'conv2d', name: 'c', filters: 2, kernelSize: 7, activation: 'relu', padding: 'valid' },
        flat,
        softmax,
      ],
      message: 'c has nothing left of its input: its output would be [0, 0, 2]',
    },
  ] as const)('$title is refused', ({ layers, message }) => {
    expect(() => placeArchitecture(layers)).toThrow(new RangeError(message));
  });

  it('with a softmax is refused for values', () => {
    expect(() => placeArchitecture([input, flat, softmax], 'meanSquaredError')).toThrow(
      'out has a softmax, of which meanSquaredError makes no use: end with another activation',
    );
  });
});
