import { expect, it } from 'vitest';
import { softTargets } from './soft-targets.ts';

const labels = Int32Array.of(2, 0, 2);
const mixing = { partners: Int32Array.of(1, 1, 0), weights: Int32Array.of(192, 128, 200) };

it('is 1 at the label where nothing is mixed or smoothed', () => {
  expect([...softTargets(labels, null, 3, 0)]).toEqual([0, 0, 1, 1, 0, 0, 0, 0, 1]);
});

it("gives the partner's label its share, all of it back where the labels are equal", () => {
  expect([...softTargets(labels, mixing, 3, 0)]).toEqual([0.25, 0, 0.75, 1, 0, 0, 0, 0, 1]);
});

it('smooths as Keras does: y · (1 − s) + s / classes', () => {
  const [none, smoothed] = [softTargets(labels, mixing, 3, 0), softTargets(labels, mixing, 3, 0.1)];
  expect([...smoothed]).toEqual(Array.from(none, (target) => Math.fround(target * (1 - 0.1) + 0.1 / 3)));
});
