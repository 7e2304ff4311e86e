import { describe, expect, it } from 'vitest';
import { classAccuracies, ConfusionCount } from '@convoy/convoy/confusion';
import { confusionTable } from './confusion-table.ts';

describe('ConfusionCount', () => {
  it('counts the likeliest class of each sample in the row of its true class', () => {
    const count = new ConfusionCount(3);
    count.add(Int32Array.from([0, 0, 1]), Float64Array.from([0.5, 0.3, 0.2, 0.1, 0.8, 0.1, 0.4, 0.4, 0.2]));
    count.add(Int32Array.from([1]), Float64Array.from([0, 1, 0]));
    expect(count.counts).toEqual([
      [1, 1, 0],
      [1, 1, 0],
      [0, 0, 0],
    ]);
    expect(classAccuracies(count.counts)).toEqual([0.5, 0.5, null]);
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
