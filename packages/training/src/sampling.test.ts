import { describe, expect, it } from 'vitest';
import { epochOrder, planRun, partOf, planEvaluation, planStep, raggedEnd } from './sampling.ts';

const lesson = { validationSplit: 0.15, globalBatchSize: 64, microBatchSize: 32, epochs: 30, maxSteps: null };

describe('planRun', () => {
  it("cuts CIFAR-10 as the lesson's fit does: 42,500 training samples, 665 steps an epoch", () => {
    expect(planRun(lesson, { trainCount: 50_000, testCount: 10_000 })).toEqual({
      trainSamples: 42_500,
      validationSamples: 7_500,
      testSamples: 10_000,
      stepsPerEpoch: 665,
      totalSteps: 19_950,
    });
  });

  it('ends at maxSteps when that comes first, and without epochs at maxSteps alone', () => {
    const data = { trainCount: 50_000, testCount: 10_000 };
    expect(planRun({ ...lesson, maxSteps: 40 }, data).totalSteps).toBe(40);
    expect(planRun({ ...lesson, epochs: null, maxSteps: 100_000 }, data).totalSteps).toBe(100_000);
  });

  it('refuses a split that leaves nothing to train on', () => {
    expect(() => planRun({ ...lesson, validationSplit: 0.9 }, { trainCount: 5, testCount: 1 })).toThrow(
      'validationSplit (0.9)',
    );
  });
});

describe('raggedEnd', () => {
  const endOf = (globalBatchSize: number, trainCount: number, maxSteps: number | null = null) => {
    const config = { ...lesson, validationSplit: 0, globalBatchSize, maxSteps };
    return raggedEnd(config, planRun(config, { trainCount, testCount: 1 }));
  };

  it('tells of the four samples that are left of 42,500 by batches of 128, and what would leave none or many', () => {
    expect(endOf(128, 42_500)).toEqual({ samples: 4, better: 127 });
    expect(42_500 % 127).toBe(82);
    expect(endOf(16, 49)).toEqual({ samples: 1, better: 14 });
    expect(49 % 14).toBe(7);
  });

  it('is null when the last batch is full, or an eighth of one, or the only one, or never comes', () => {
    expect(endOf(100, 42_500)).toBeNull();
    expect(endOf(32, 36)).toBeNull();
    expect(endOf(64, 4)).toBeNull();
    expect(endOf(128, 42_500, 332)).toBeNull();
    expect(endOf(128, 42_500, 333)).not.toBeNull();
  });
});

describe('planStep', () => {
  const plan = { trainSamples: 100, stepsPerEpoch: 4 };
  const config = { globalBatchSize: 30, microBatchSize: 10 };

  it.each([
    { step: 0, epoch: 0, positions: { start: 0, end: 30 }, microBatches: 3 },
    { step: 3, epoch: 0, positions: { start: 90, end: 100 }, microBatches: 3 },
    { step: 4, epoch: 1, positions: { start: 0, end: 30 }, microBatches: 3 },
  ])('places step $step', ({ step, ...place }) => {
    expect(planStep(step, config, plan)).toEqual(place);
  });

  it('has no empty micro-batch in a last step of fewer samples than micro-batches', () => {
    const place = planStep(1, { globalBatchSize: 8, microBatchSize: 1 }, { trainSamples: 11, stepsPerEpoch: 2 });
    expect(place).toEqual({ epoch: 0, positions: { start: 8, end: 11 }, microBatches: 3 });
  });

  it.each([1, 7, 64, 65, 100])('covers each of %d positions exactly once per epoch', (trainSamples) => {
    const sizes = { globalBatchSize: 16, microBatchSize: 4 };
    const stepsPerEpoch = Math.ceil(trainSamples / 16);
    const seen: number[] = [];
    for (let step = 0; step < stepsPerEpoch; step++) {
      const { positions, microBatches } = planStep(step, sizes, { trainSamples, stepsPerEpoch });
      for (let leaf = 0; leaf < microBatches; leaf++) {
        const part = partOf(positions, leaf, microBatches);
        expect(part.end).toBeGreaterThan(part.start);
        for (let position = part.start; position < part.end; position++) seen.push(position);
      }
    }
    expect(seen).toEqual(Array.from({ length: trainSamples }, (_, position) => position));
  });
});

describe('planEvaluation', () => {
  const plan = { trainSamples: 85, validationSamples: 15, testSamples: 21 };

  it('validates on the end of the train split and tests on the whole test split', () => {
    const config = { evaluationBatchSize: 10 };
    expect(planEvaluation('validation', config, plan)).toEqual({
      split: 'train',
      indices: { start: 85, end: 100 },
      pieces: 2,
    });
    expect(planEvaluation('test', config, plan)).toEqual({
      split: 'test',
      indices: { start: 0, end: 21 },
      pieces: 3,
    });
  });
});

describe('epochOrder', () => {
  it('is a permutation that differs between epochs and between seeds and repeats for the same', () => {
    const order = (seed: number, epoch: number) => [...epochOrder({ seed, shuffle: true }, epoch, 1000)];
    expect(order(1, 0).toSorted((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, n) => n));
    expect(order(1, 0)).toEqual(order(1, 0));
    expect(order(1, 0)).not.toEqual(order(1, 1));
    expect(order(1, 0)).not.toEqual(order(2, 0));
  });

  it('is stable across versions: a change would give every run another result', () => {
    expect([...epochOrder({ seed: 42, shuffle: true }, 0, 10)]).toEqual([8, 0, 9, 5, 7, 1, 2, 4, 6, 3]);
  });

  it('leaves the order of the files without shuffling', () => {
    expect([...epochOrder({ seed: 1, shuffle: false }, 3, 4)]).toEqual([0, 1, 2, 3]);
  });

  it('moves every sample to every place equally often', () => {
    // 4 items, 24 orders, 24,000 epochs: chi-squared with 23 degrees of freedom is above 49.7 one time in a thousand.
    const counts = new Map<string, number>();
    for (let epoch = 0; epoch < 24_000; epoch++) {
      const key = epochOrder({ seed: 9, shuffle: true }, epoch, 4).join('');
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    const chiSquared = [...counts.values()].reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
    expect(counts.size).toBe(24);
    expect(chiSquared).toBeLessThan(49.7);
  });
});
