import { expect, it } from 'vitest';
import { countOf } from './event-words.ts';

it.each([
  [0, 'step', '0 steps'],
  [1, 'step', '1 step'],
  [1, 'micro-batch', '1 micro-batch'],
  [2, 'micro-batch', '2 micro-batches'],
  [2, 'class', '2 classes'],
  [2, 'epoch', '2 epochs'],
  [50_000, 'training sample', '50,000 training samples'],
])('%d and "%s" are %s', (n, noun, text) => {
  expect(countOf(n, noun)).toBe(text);
});
