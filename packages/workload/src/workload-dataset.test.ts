import { createHash } from 'node:crypto';
import { expect, describe, it } from 'vitest';
import { placeArchitecture } from '@convoy/model/architecture';
import { openWorkloadDataset } from './workload-dataset.ts';
import type { WorkloadDataset } from '@convoy/model/workload';

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
    // What runs of earlier versions have.
    expect(digest(labelled)).toBe('3d1151c00b65cca07c8aa62f81c59ba20876b4cb9c5512ee9875aa2e207580fc');
  });

  it('may have any text for a fingerprint, which the protocol has as a sha256', () => {
    const digest = (fingerprint: string) =>
      openWorkloadDataset('toy', { ...labelled, fingerprint }, classes).fingerprint;
    const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
    expect(digest('v1')).toBe(sha256('v1'));
    expect(digest('d41d8cd98f00b204e9800998ecf8427e')).toBe(sha256('d41d8cd98f00b204e9800998ecf8427e'));
    expect(digest(sha256('v1'))).toBe(sha256('v1'));
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
      message: 'classNames has 1 name, and the model tells 3 apart',
    },
    {
      title: 'a label too large',
      data: { ...labelled, read: () => 3 },
      message: 'sample 0 of train has the label 3; labels are whole numbers from 0 to 2',
    },
    {
      title: 'a fraction for a label',
      data: { ...labelled, read: () => 0.5 },
      message: 'sample 0 of train has the label 0.5; labels are whole numbers from 0 to 2',
    },
    {
      title: 'a label that is a text',
      data: { ...labelled, read: () => '0' },
      message: 'sample 0 of train has the label "0", a string; labels are whole numbers from 0 to 2',
    },
    {
      title: 'a text in a list for a label',
      data: { ...labelled, read: () => ['0'] },
      message: 'sample 0 of train has the label "0", a string; labels are whole numbers from 0 to 2',
    },
    {
      title: 'one value for each class',
      data: { ...labelled, read: () => [0, 1, 0] },
      message:
        'sample 0 of train has a list of 3 for a label; labels are whole numbers from 0 to 2: the number of the class, not one value for each class',
    },
    {
      title: 'no label',
      data: { ...labelled, read: () => undefined },
      message: 'sample 0 of train has no label: read returned undefined, and labels are whole numbers from 0 to 2',
    },
    {
      title: 'samples that come later',
      data: { ...labelled, read: async () => 0 },
      message:
        'sample 0 of train is a promise: read must return the sample itself, so open and await files in dataset()',
    },
    {
      title: 'nothing at all',
      data: undefined,
      message: 'dataset must return an object of trainCount, testCount and read',
    },
    {
      title: 'a field misspelt',
      data: { ...labelled, fingerPrint: 'v1' },
      message: 'the data has no field "fingerPrint"; did you mean "fingerprint"?',
    },
    {
      title: 'a number for a fingerprint',
      data: { ...labelled, fingerprint: 1 },
      message: 'fingerprint must be a text, or left out',
    },
  ])('with $title are refused', ({ data, message }) => {
    expect(() => openWorkloadDataset('toy', data as unknown as WorkloadDataset, classes)).toThrow(
      new RangeError(message),
    );
  });

  it.each([
    { truth: 1, message: 'sample 0 of train has 1 value, and the model has 2 outputs' },
    { truth: [1, NaN], message: 'sample 0 of train has NaN at value 1' },
    { truth: [1e39, 1], message: 'sample 0 of train has 1e+39 at value 0: float32 ends at 3.4e38' },
    { truth: [1, '2'], message: 'sample 0 of train has "2", a string at value 1, where a number must be' },
    {
      truth: undefined,
      message: 'sample 0 of train has no values: read returned undefined, and the model has 2 outputs',
    },
  ])('with $truth for values are refused', ({ truth, message }) => {
    const data = { ...valued, read: () => truth as number };
    expect(() => openWorkloadDataset('toy', data, values)).toThrow(new RangeError(message));
  });

  it('take a list of one for a label, as Keras does', () => {
    for (const list of [[2], Int32Array.of(2), Float32Array.of(2)]) {
      const dataset = openWorkloadDataset('toy', { ...labelled, read: () => list }, classes);
      expect(dataset.read('train', 0, new Uint8Array(2), 0)).toBe(2);
    }
  });

  it.each([
    { value: NaN, message: 'sample 3 of train has NaN at input 1' },
    { value: 1e39, message: 'sample 3 of train has Infinity at input 1: float32 ends at 3.4e38' },
  ])('with an input of $value are refused at the start', ({ value, message }) => {
    const read: WorkloadDataset['read'] = (split, index, input) => {
      input[1] = split === 'train' && index === 3 ? value : 0;
      return [index, 0];
    };
    expect(() => openWorkloadDataset('toy', { ...valued, read }, values)).toThrow(new RangeError(message));
    // A fingerprint saves reading all of many samples: then it is found at the latest when the sample is read.
    const many = { trainCount: 3_000_000, testCount: 1, fingerprint: 'mine', read };
    const dataset = openWorkloadDataset('toy', many, values);
    expect(() => dataset.read('train', 3, new Float32Array(2), 0)).toThrow(new RangeError(message));
  });

  it('are read into zeros, whatever the buffer holds', () => {
    const read: WorkloadDataset['read'] = (_, index, input) => {
      input[index % 2] = 1;
      return index % 3;
    };
    const dataset = openWorkloadDataset('toy', { ...labelled, read }, classes);
    const bytes = Uint8Array.of(7, 8, 9, 10);
    dataset.read('train', 0, bytes, 1);
    expect([...bytes]).toEqual([7, 1, 0, 10]);
    dataset.read('train', 1, bytes, 1);
    expect([...bytes]).toEqual([7, 0, 1, 10]);
  });

  it.each([
    { title: 'draws by chance', read: (calls: number, input: { [at: number]: number }) => void (input[0] = calls) },
    {
      title: 'gives the samples in turn, whatever is asked for',
      read: (calls: number, input: { [at: number]: number }) => void (input[0] = calls % 8),
    },
  ])('are refused where read $title', ({ read }) => {
    let calls = 0;
    const data: WorkloadDataset = {
      ...labelled,
      read(_, index, input) {
        read(calls++, input);
        return index % 3;
      },
    };
    for (const fingerprint of [undefined, 'mine']) {
      calls = 0;
      expect(() => openWorkloadDataset('toy', { ...data, ...(fingerprint && { fingerprint }) }, classes)).toThrow(
        /^sample \d of (train|test) is another one when it is read again: what read gives must depend on split and index alone$/,
      );
    }
  });

  it('are refused where a label is another one the second time', () => {
    let calls = 0;
    const data = { ...labelled, read: () => (calls++ === 8 ? 1 : 0) };
    expect(() => openWorkloadDataset('toy', data, classes)).toThrow(/^sample 5 of train is another one/);
  });

  it.each<{ title: string; data: WorkloadDataset; model?: typeof classes; note: string }>([
    {
      title: 'fractions in bytes',
      data: { ...labelled, read: (_, index, input) => ((input[0] = index / 10), index % 3) },
      note: "the inputs of all samples are 0, where uint8 is for bytes from 0 to 255, which are divided by 255 (a fraction becomes 0): give bytes, or inputType: 'float32'",
    },
    {
      title: 'ones and zeros in bytes',
      data: { ...labelled, read: (_, index, input) => ((input[0] = index % 2), index % 3) },
      note: "the inputs of all samples are 0 or 1, where uint8 is for bytes from 0 to 255, which are divided by 255 (a fraction becomes 0): give bytes, or inputType: 'float32'",
    },
    {
      title: 'one input for all',
      data: { ...labelled, read: (_, index, input) => ((input[0] = 9), index % 3) },
      note: 'all samples have the same input: there is nothing to learn from',
    },
    {
      title: 'one label for all',
      data: { ...labelled, read: (...args) => (labelled.read(...args), 1) },
      note: 'the training samples all have the same label, 1 (b)',
    },
    {
      title: 'the same values for all',
      data: { ...valued, read: (_, index, input) => ((input[0] = index), [1, 2]) },
      model: values,
      note: 'the training samples all have the same values, 1, 2',
    },
  ])('of $title train, and are told at the start', ({ data, model = classes, note }) => {
    expect(openWorkloadDataset('toy', data, model).notes).toEqual([note]);
  });

  it('that can be learned from are told nothing about', () => {
    expect(openWorkloadDataset('toy', labelled, classes).notes).toEqual([]);
    expect(openWorkloadDataset('toy', valued, values).notes).toEqual([]);
  });

  it('refuse an index outside the split, and a buffer of another type', () => {
    const dataset = openWorkloadDataset('toy', labelled, classes);
    expect(() => dataset.read('test', 2, new Uint8Array(2), 0)).toThrow('the test split has samples 0 to 1, not 2');
    expect(() => dataset.read('test', 0, new Float32Array(2), 0)).toThrow('no room for 2 values of uint8');
    expect(() => dataset.read('test', 0, new Uint8Array(2), 1)).toThrow('no room for 2 values of uint8 at 1 of 2');
  });
});
