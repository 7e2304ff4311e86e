import { describe, expect, it } from 'vitest';
import { placeArchitecture } from './architecture.ts';
import { initialValues } from './initial-values.ts';
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

  it('keeps its hash: a change of it locks older workers and runs out', () => {
    expect(lessonModel.hash).toBe('bfdcedddfca02be0764bc463a9acc9d56c657bf8ae0efa5b71f2621e78904330');
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
