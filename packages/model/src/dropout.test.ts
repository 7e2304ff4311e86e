import { compileKernels } from '@convoy/numerics/compile';
import { loadKernels } from '@convoy/numerics/load-vectors';
import { allocateVector } from '@convoy/numerics/vectors';
import { describe, expect, it } from 'vitest';
import { dropoutMask } from './dropout.ts';

function mask(
  start: number,
  end: number,
  { seed = 1, epoch = 0, layer = 12, rate = 0.3, units = 301 } = {},
): Float32Array {
  const values = new Float32Array((end - start) * units);
  dropoutMask({ seed, epoch, positions: { start, end } }, layer, rate, units, values);
  return values;
}

describe('dropoutMask', () => {
  it('depends on the place of a sample in the run, not on the batch it is computed in', () => {
    const whole = mask(10, 20);
    expect(mask(13, 15)).toEqual(whole.subarray(3 * 301, 5 * 301));
  });

  it.each([{ seed: 2 }, { epoch: 1 }, { layer: 14 }])('differs with another %o', (other) => {
    expect(mask(0, 1, other)).not.toEqual(mask(0, 1));
  });

  it('drops the rate’s share and scales the rest, so that the mean stays', () => {
    const values = mask(0, 1000, { rate: 0.3 });
    const kept = Math.fround(1 / 0.7);
    const dropped = values.filter((value) => value === 0).length / values.length;
    expect(values.every((value) => value === 0 || value === kept)).toBe(true);
    // Five standard errors of a share of 301,000 draws.
    expect(Math.abs(dropped - 0.3)).toBeLessThan(5 * Math.sqrt((0.3 * 0.7) / values.length));
  });

  it('has the same bits where the compiled kernels draw, for any rate, number of units and coordinates', async () => {
    await compileKernels();
    expect(loadKernels()).toBe(true);
    const rates = [0, 2 ** -33, 0.1, 0.3, 0.5, 0.9, 1 - 2 ** -20, 1 - 2 ** -40];
    for (let n = 0; n < 200; n++) {
      const units = 1 + ((n * 37) % 70);
      const rate = rates[n % rates.length]!;
      const draw = { seed: n * 7919, epoch: n % 5, positions: { start: n, end: n + 3 } };
      const [plain, compiled] = [new Float32Array(3 * units + 1), allocateVector(3 * units + 1)];
      for (const target of [plain, compiled]) {
        target.fill(-1);
        dropoutMask(draw, n % 16, rate, units, target);
      }
      // The last value lies behind the mask and is left alone.
      expect(compiled.slice()).toEqual(plain);
      expect(compiled.at(-1)).toBe(-1);
    }
  }, 60_000);

  it('keeps everything at rate 0', () => {
    expect(mask(0, 3, { rate: 0 }).every((value) => value === 1)).toBe(true);
  });
});
