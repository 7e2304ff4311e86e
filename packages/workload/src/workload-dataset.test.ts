import { expect, describe, it } from 'vitest';
import { placeArchitecture } from '@convoy/cifar10/architecture';
import { openWorkloadDataset } from './workload-dataset.ts';
import type { WorkloadDataset } from './workload.ts';

const classes = placeArchitecture([
  { type: 'input', name: 'in', shape: [2] },
  { type: 'dense', name: 'out', units: 3, activation: 'softmax' },
]);
const values = placeArchitecture(
  [
    { type: 'input', name: 'in', shape: [2], dtype: 'float32' },
    { type: 'dense', name: 'out', units: 2, activation: 'linear' },
  ],
  'meanSquaredError',
);

const labelled: WorkloadDataset = {
  trainCount: 6,
  testCount: 2,
  classNames: ['a', 'b', 'c'],
  read(split, index, input) {
    input[0] = index;
    input[1] = split === 'train' ? 1 : 2;
    return index % 3;
  },
};
const valued: WorkloadDataset = {
  trainCount: 4,
  testCount: 1,
  read(_, index, input) {
    input[0] = index / 3;
    return [index, -index];
  },
};

describe("a workload's data", () => {
  it('are read where the run wants them, with labels or values', () => {
    const bytes = new Uint8Array(6);
    const dataset = openWorkloadDataset('toy', labelled, classes);
    expect(dataset.read('train', 5, bytes, 2)).toBe(2);
    expect([...bytes]).toEqual([0, 0, 5, 1, 0, 0]);
    expect(dataset).toMatchObject({ name: 'toy', inputShape: [2], inputType: 'uint8', classNames: ['a', 'b', 'c'] });
    const floats = new Float32Array(2);
    expect(openWorkloadDataset('toy', valued, values).read('train', 3, floats, 0)).toEqual([3, -3]);
    expect(floats[0]).toBe(1);
  });

  it('have a fingerprint that one byte, one label or one value changes, unless they bring their own', () => {
    const digest = (data: WorkloadDataset, model = classes) => openWorkloadDataset('toy', data, model).fingerprint;
    const moved = (data: WorkloadDataset, shift: number): WorkloadDataset => ({
      ...data,
      read(split, index, input) {
        const truth = data.read(split, index, input);
        if (split === 'test' && index === 0) input[1]! += shift;
        return truth;
      },
    });
    expect(digest(labelled)).toBe(digest(moved(labelled, 0)));
    expect(digest(labelled)).not.toBe(digest(moved(labelled, 1)));
    expect(digest(labelled)).not.toBe(
      digest({ ...labelled, read: (...args) => (labelled.read(...args) as number) ^ (args[1] === 0 ? 1 : 0) }),
    );
    expect(digest(valued, values)).not.toBe(
      digest({ ...valued, read: (...args) => (args[1] === 2 ? [2, 2] : valued.read(...args)) }, values),
    );
    expect(digest({ ...labelled, fingerprint: 'mine' })).toBe('mine');
  });

  it.each([
    {
      title: 'no samples',
      data: { ...labelled, testCount: 0 },
      message: 'testCount must be a whole number above 0, not 0',
    },
    {
      title: 'no names',
      data: { ...labelled, classNames: undefined },
      message: 'classNames must name the 3 classes that the model tells apart',
    },
    {
      title: 'too few names',
      data: { ...labelled, classNames: ['a'] },
      message: 'there are 1 classNames, and the model tells 3 classes apart',
    },
    {
      title: 'a label too large',
      data: { ...labelled, read: () => 3 },
      message: 'sample 0 of train has the label 3, where labels are 0 to 2',
    },
    {
      title: 'no label',
      data: { ...labelled, read: () => undefined },
      message: 'sample 0 of train has the label undefined, where labels are 0 to 2',
    },
  ])('with $title are refused', ({ data, message }) => {
    expect(() => openWorkloadDataset('toy', data as WorkloadDataset, classes)).toThrow(new RangeError(message));
  });

  it.each([
    { truth: 1, message: 'sample 0 of train has 1 values, and the model has 2 outputs' },
    { truth: [1, NaN], message: 'sample 0 of train has a value of NaN' },
  ])('with $truth for values are refused', ({ truth, message }) => {
    expect(() => openWorkloadDataset('toy', { ...valued, read: () => truth }, values)).toThrow(new RangeError(message));
  });

  it('refuse an index outside the split, and a buffer of another type', () => {
    const dataset = openWorkloadDataset('toy', labelled, classes);
    expect(() => dataset.read('test', 2, new Uint8Array(2), 0)).toThrow('the test split has samples 0 to 1, not 2');
    expect(() => dataset.read('test', 0, new Float32Array(2), 0)).toThrow('no room for 2 values of uint8');
    expect(() => dataset.read('test', 0, new Uint8Array(2), 1)).toThrow('no room for 2 values of uint8 at 1 of 2');
  });
});
