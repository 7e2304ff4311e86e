import { describe, expect, it } from 'vitest';
import { columnsOf, cut, flow, padEnd, padStart } from './columns.ts';

const FAMILY = '👨‍👩‍👧';

describe('columns of a text', () => {
  it('are those that a terminal gives it', () => {
    expect(['step', '日本', 'é', FAMILY, '\x1b[36mstep\x1b[39m'].map(columnsOf)).toEqual([4, 4, 1, 2, 4]);
  });

  it('are never more than a cut leaves, and no character is cut in two', () => {
    expect(cut('日本語:4711', 6)).toBe('日本…');
    expect(cut('日本語:4711', 5)).toBe('日本…');
    expect(cut(`${FAMILY}${FAMILY}`, 3)).toBe(`${FAMILY}…`);
    expect(cut('worker', 6)).toBe('worker');
    expect(cut('worker', 0)).toBe('');
  });

  it('line up', () => {
    expect([padEnd('日本', 6), padStart('日本', 6)]).toEqual(['日本  ', '  日本']);
  });
});

describe('flow', () => {
  const parts = ['step 1/8', 'loss 2.3026', '0:42 left', '812 samples/s'];

  it('puts parts on as many lines as they need or there are, and leaves out what has no room', () => {
    expect(flow(parts, 80, 2)).toEqual(['step 1/8 · loss 2.3026 · 0:42 left · 812 samples/s']);
    expect(flow(parts, 30, 2)).toEqual(['step 1/8 · loss 2.3026', '0:42 left · 812 samples/s']);
    expect(flow(parts, 30, 1)).toEqual(['step 1/8 · loss 2.3026']);
    expect(flow(parts, 5, 2)).toEqual(['step…']);
  });
});
