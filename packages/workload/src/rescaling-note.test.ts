import { expect, it } from 'vitest';
import { placeArchitecture } from '@convoy/model/architecture';
import type { Layer } from '@convoy/model/layers';
import { rescalingNote } from './rescaling-note.ts';

const note = (dtype: 'float32' | undefined, ...scales: readonly number[]) =>
  rescalingNote(
    placeArchitecture([
      { type: 'input', name: 'in', shape: [4], ...(dtype && { dtype }) },
      ...scales.map((scale, n): Layer => ({ type: 'rescaling', name: `scale${n}`, scale })),
      { type: 'dense', name: 'out', units: 3, activation: 'softmax' },
    ]),
  );

it('bytes that the model divides by 255 once more are told of', () => {
  expect(note(undefined, 1 / 255)).toMatch(/^the model scales its inputs down itself \(rescaling\), after the engine/);
  expect(note(undefined, 1 / 127.5)).not.toBeNull();
  expect(note(undefined, 1 / 16, 1 / 16)).not.toBeNull();
});

it('floats that the model scales, and bytes that it scales up, are not', () => {
  expect(note('float32', 1 / 255)).toBeNull();
  expect(note(undefined)).toBeNull();
  expect(note(undefined, 255)).toBeNull();
  expect(note(undefined, 0.5)).toBeNull();
});
