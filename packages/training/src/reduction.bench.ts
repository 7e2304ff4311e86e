import { bench, describe } from 'vitest';
import { TreeReduction } from '@convoy/numerics/reduction';
import { epochOrder } from './sampling.ts';

const PARAMETERS = 904_718;
const LEAVES = 8;
const gradients = Array.from({ length: LEAVES }, (_, leaf) =>
  Float32Array.from({ length: PARAMETERS }, (_, i) => Math.sin(i + leaf) / 1000),
);

describe('eight gradients of 904,718 parameters', () => {
  for (const [name, order] of [
    ['in order', [0, 1, 2, 3, 4, 5, 6, 7]],
    ['in another order', [7, 2, 5, 0, 3, 6, 1, 4]],
  ] as const) {
    // Plain TypeScript: the vectors are not in the kernels' memory.
    bench(`added up as they arrive, ${name}`, () => {
      const tree = new TreeReduction(LEAVES);
      for (const leaf of order) {
        tree.add({ start: leaf, size: 1 }, { samples: 32, lossSum: 1, metricSum: 1, vector: gradients[leaf]! });
      }
    });
  }
});

describe('the order of an epoch', () => {
  bench('of 42,500 samples', () => void epochOrder({ seed: 1, shuffle: true }, 3, 42_500));
});
