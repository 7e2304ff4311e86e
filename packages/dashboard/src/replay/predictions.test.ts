import { expect, test } from 'vitest';
import type { RunFact } from '@convoy/protocol/run-events';
import { Replay } from './replay.ts';

const predictions = (step: number, first: number, purpose: 'validation' | 'test' = 'validation'): RunFact => ({
  ...{ type: 'predictions', purpose, step, epoch: 0, shown: [], worst: [] },
  confusion: { classes: ['a', 'b'], counts: [[first, 0], [1, 2]] }, // prettier-ignore
});
const image: RunFact = { type: 'sample-image', purpose: 'test', index: 4, width: 2, height: 2, png: 'AAAA' };
const back: RunFact = {
  ...{ type: 'rolled-back', fromStep: 20, toStep: 10, kind: 'collapsed', since: 12, learningRateFactor: 0.5 },
};

function replayOf(...facts: readonly RunFact[]): Replay {
  const replay = new Replay();
  for (const [at, fact] of facts.entries()) replay.readLine(JSON.stringify({ at, ...fact }));
  return replay;
}

test('an evaluation that is done again takes the place of what it found before', () => {
  const { predictions: list } = replayOf(predictions(10, 1), predictions(20, 2), back, predictions(20, 3));
  expect(list.evaluations).toMatchObject([
    { step: 10, confusion: { counts: [[1, 0], [1, 2]] } }, // prettier-ignore
    { step: 20, confusion: { counts: [[3, 0], [1, 2]] } }, // prettier-ignore
  ]);
});

test('an image belongs to the samples of its own evaluation, and stays when the run goes back', () => {
  const { predictions: list } = replayOf(image, predictions(20, 1, 'test'), predictions(20, 1), back);
  expect(list.evaluations).toEqual([]);
  expect(list.imageOf({ purpose: 'test' }, 4)).toEqual({ width: 2, height: 2, address: 'data:image/png;base64,AAAA' });
  expect(list.imageOf({ purpose: 'validation' }, 4)).toBeUndefined();
});
