import { describe, expect, it } from 'vitest';
import type { Dataset } from '@convoy/model/dataset';
import { testConfig } from '@convoy/training/config.fixture';
import { rescalingNote, sortedNote } from './workload-notes.ts';
import { placeArchitecture } from '@convoy/model/architecture';
import type { Layer } from '@convoy/model/layers';

/** A set of samples without inputs that matter. @param truthOf a training sample's label, or its value. */
function dataset(trainCount: number, classes: number, truthOf: (index: number) => number): Dataset {
  return {
    name: 'toy',
    trainCount,
    testCount: 10,
    inputShape: [1],
    inputType: 'float32',
    classNames: Array.from({ length: classes }, (_, n) => `class ${n}`),
    fingerprint: '',
    origin: '',
    read: (_, index) => (classes === 0 ? [truthOf(index)] : truthOf(index)),
  };
}

/** Uniform in [0, 1), without an order. */
const mixed = (index: number) => ((Math.imul(index + 1, 0x9e3779b1) ^ 0x5bd1e995) >>> 0) / 2 ** 32;
const note = (data: Dataset, validationSplit = 0.15) => sortedNote(testConfig({ validationSplit }), data);

describe('samples in the order of their labels', () => {
  it.each([
    { title: 'ten classes', count: 5_000, classes: 10, split: 0.15 },
    { title: 'ten classes and a small validation', count: 5_000, classes: 10, split: 0.02 },
    { title: 'two classes', count: 400, classes: 2, split: 0.2 },
    { title: 'a thousand classes', count: 50_000, classes: 1_000, split: 0.1 },
  ])('are told before a validation split meets them: $title', ({ count, classes, split }) => {
    const sorted = dataset(count, classes, (index) => Math.floor((index * classes) / count));
    expect(note(sorted, split)).toMatch(
      /^the samples seem to be sorted: the validation is the last \d+ of them and has other classes than the \d+ before it\. Mix them in dataset\(\)/,
    );
  });

  it('are told for values, too', () => {
    expect(note(dataset(1_000, 0, (index) => index))).toMatch(/has other values than the 850 before it/);
  });

  it.each([
    { title: 'in turn', truthOf: (index: number, classes: number) => index % classes },
    { title: 'mixed', truthOf: (index: number, classes: number) => Math.floor(mixed(index) * classes) },
    {
      title: 'rare but for one',
      truthOf: (index: number, classes: number) => (mixed(index) < 0.95 ? 0 : index % classes),
    },
  ])('are not seen in labels that are $title', ({ truthOf }) => {
    for (const [count, classes] of [
      [5_000, 10],
      [200, 10],
      [50_000, 1_000],
      [1_000, 2],
    ] as const) {
      expect(note(dataset(count, classes, (index) => truthOf(index, classes)))).toBeNull();
    }
    expect(note(dataset(1_000, 0, mixed))).toBeNull();
  });

  it('do not matter without a validation', () => {
    expect(
      note(
        dataset(1_000, 10, (index) => Math.floor(index / 100)),
        0,
      ),
    ).toBeNull();
  });
});

const rescaling = (dtype: 'float32' | undefined, ...scales: readonly number[]) =>
  rescalingNote(
    placeArchitecture([
      { type: 'input', name: 'in', shape: [4], ...(dtype && { dtype }) },
      ...scales.map((scale, n): Layer => ({ type: 'rescaling', name: `scale${n}`, scale })),
      { type: 'dense', name: 'out', units: 3, activation: 'softmax' },
    ]),
  );

it('bytes that the model divides by 255 once more are told of', () => {
  expect(rescaling(undefined, 1 / 255)).toMatch(
    /^the model scales its inputs down itself \(rescaling\), after the engine/,
  );
  expect(rescaling(undefined, 1 / 127.5)).not.toBeNull();
  expect(rescaling(undefined, 1 / 16, 1 / 16)).not.toBeNull();
});

it('floats that the model scales, and bytes that it scales up, are not', () => {
  expect(rescaling('float32', 1 / 255)).toBeNull();
  expect(rescaling(undefined)).toBeNull();
  expect(rescaling(undefined, 255)).toBeNull();
  expect(rescaling(undefined, 0.5)).toBeNull();
});
