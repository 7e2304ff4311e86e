import { expect, it } from 'vitest';
import type { RunEvent } from '@convoy/protocol/run-events';
import { tensorboardEntries } from './tensorboard-entries.ts';

const filters = (step: number): RunEvent => ({
  ...{ at: step, type: 'filters', step, layer: 'conv', width: 1, height: 1, channels: 1, total: 1, count: 1 },
  ...{ low: 0, high: 1, pixels: 'AA==' },
});
const norms: RunEvent = { at: 0, type: 'layers', step: 3, layers: [{ name: 'a', weights: 1, gradient: 1, update: 1 }] };
const histogram: RunEvent = {
  ...{ at: 5, type: 'layers', step: 4 },
  layers: [{ name: 'a', weights: 1, histogram: { from: 0, to: 1, counts: [2], sum: 1, sumOfSquares: 1 } }],
};
const resumed: RunEvent = {
  ...{ at: 6, type: 'run-resumed', run: 'r', incarnation: 'i', step: 2, totalSteps: 9, stepsPerEpoch: 1 },
};

const stepsOf = async (events: readonly RunEvent[]) => (await tensorboardEntries(events)).map(({ step }) => step);

it('draws the first validations, then ever fewer, and what it has drawn stays when more come', async () => {
  const events = Array.from({ length: 70 }, (_, n) => filters(n + 1));
  const drawn = await stepsOf(events);
  expect(drawn.slice(0, 15)).toEqual(Array.from({ length: 15 }, (_, n) => n + 1));
  expect(drawn.slice(15)).toEqual([16, 18, 20, 22, 24, 26, 28, 30, 32, 36, 40, 44, 48, 52, 56, 60, 64]);
  for (const length of [7, 20, 33]) {
    const before = await stepsOf(events.slice(0, length));
    expect(drawn.slice(0, before.length)).toEqual(before);
  }
});

it('has the weights of validations, not the norms between, and what a resumed run did again once', async () => {
  expect(await tensorboardEntries([filters(1), norms, histogram, resumed, filters(4), histogram])).toMatchObject([
    { type: 'image', folder: 'train', tag: 'conv/filters', step: 1 },
    { type: 'image', folder: 'train', tag: 'conv/filters', step: 4 },
    { type: 'histogram', folder: 'train', tag: 'a/weights', step: 4, counts: [2] },
  ]);
});
