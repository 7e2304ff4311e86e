import { describe, expect, it } from 'vitest';
import * as convoy from './index.ts';

describe('the package', () => {
  it('exports what docs/programmatic.md names', () => {
    expect(Object.keys(convoy).sort()).toEqual([
      'OperatorError',
      'defineWorkload',
      'evaluate',
      'exitCodes',
      'openPredictor',
      'readImage',
      'train',
    ]);
  });

  it('throws its own OperatorError', async () => {
    await expect(convoy.train({ workers: 0 }).result).rejects.toBeInstanceOf(convoy.OperatorError);
    await expect(convoy.evaluate('/none')).rejects.toBeInstanceOf(convoy.OperatorError);
    await expect(convoy.openPredictor('/none')).rejects.toBeInstanceOf(convoy.OperatorError);
    await expect(convoy.readImage('/none.png', 8)).rejects.toBeInstanceOf(convoy.OperatorError);
  });
});
