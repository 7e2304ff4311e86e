import { describe, expect, it } from 'vitest';
import { classAccuracies } from '@convoy/training/evaluation/confusion';
import { confusionTable } from './confusion-table.ts';

describe('classAccuracies', () => {
  it('has the part of each class that is recognised, and nothing for one without samples', () => {
    expect(classAccuracies([[1, 1, 0], [1, 3, 0], [0, 0, 0]])).toEqual([0.5, 0.75, null]); // prettier-ignore
  });
});

describe('confusionTable', () => {
  it('has a row for each true class with its accuracy last', () => {
    const counts = [
      [19, 1],
      [0, 0],
    ];
    expect(confusionTable(counts, ['airplane', 'dog']).split('\n')).toEqual([
      '          airp  dog  accuracy',
      'airplane    19    1   95.00 %',
      'dog          0    0',
    ]);
  });

  it('has heads that tell the classes apart, however their names begin', () => {
    const counts = [
      [1, 0],
      [0, 1],
    ];
    const headOf = (names: readonly string[]) => confusionTable(counts, names).split('\n')[0]!.trim().split(/\s+/);
    expect(headOf(['class-a', 'class-b'])).toEqual(['class-a', 'class-b', 'accuracy']);
    expect(confusionTable(counts, ['a very long name 1', 'a very long name 2']).split('\n')).toEqual([
      '                      0  1  accuracy',
      '0 a very long name 1  1  0  100.00 %',
      '1 a very long name 2  0  1  100.00 %',
    ]);
  });
});
