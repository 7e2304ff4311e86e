import { metricText } from '@convoy/protocol/event-words';
import { describe, expect, it } from 'vitest';

describe('metricText', () => {
  it('has an accuracy in percent, and an error with four significant digits', () => {
    expect(metricText({ accuracy: 0.92114 })).toBe('accuracy 92.11 %');
    expect(metricText({ meanAbsoluteError: 0.0123456 })).toBe('mean absolute error 0.01235');
    expect(metricText({ meanAbsoluteError: 1234.56 }, (value) => `<${value}>`)).toBe('mean absolute error <1235>');
    expect(metricText({ meanAbsoluteError: NaN })).toBe('mean absolute error NaN');
  });
});
