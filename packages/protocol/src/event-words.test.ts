import { describe, expect, it } from 'vitest';
import { countOf, metricText } from './event-words.ts';

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

describe('metricText', () => {
  it('has an accuracy in percent, and an error with four significant digits', () => {
    expect(metricText({ accuracy: 0.92114 })).toBe('accuracy 92.11 %');
    expect(metricText({ meanAbsoluteError: 0.0123456 })).toBe('mean absolute error 0.01235');
    expect(metricText({ meanAbsoluteError: 1234.56 }, (value) => `<${value}>`)).toBe('mean absolute error <1235>');
    expect(metricText({ meanAbsoluteError: NaN })).toBe('mean absolute error NaN');
  });
});
