import { afterAll, describe, expect, it } from 'vitest';
import { testConfig } from '@convoy/training/config.fixture';
import { lessonModel } from '@convoy/cifar10/models';
import { initialValues } from '@convoy/model/initial-values';
import { float32Bytes, readFloat32 } from '@convoy/protocol/tensor';
import { AUGMENTATION_VERSION } from '@convoy/protocol/run-config';
import { TreeReduction } from '@convoy/numerics/reduction';
import { ComputeCancelled } from './compute.ts';
import { InlineCompute } from './inline.ts';

const config = testConfig({
  dataset: { name: 'synthetic', seed: 1, trainCount: 64, testCount: 1 },
  epochs: 1,
  globalBatchSize: 16,
  microBatchSize: 4,
  validationSplit: 0,
});
const augmented = {
  ...config,
  augmentation: { version: AUGMENTATION_VERSION, crop: 4, flip: true, cutout: 8, mixup: 0.2 },
  labelSmoothing: 0.1,
} as const;
const work = { step: 0, block: { start: 0, size: 4 } };

async function prepared(configured = config): Promise<InlineCompute> {
  const compute = new InlineCompute();
  await compute.open({ engine: 'auto', threads: 1, dataDir: undefined, environment: {} });
  await compute.prepare(configured);
  compute.setParameters(0, float32Bytes(initialValues(lessonModel, 1)));
  return compute;
}

describe('InlineCompute', () => {
  const computes: InlineCompute[] = [];
  afterAll(() => Promise.all(computes.map((compute) => compute.close())));

  it('gives the same gradient after a call that was cancelled half-way', async () => {
    const compute = await prepared();
    computes.push(compute);
    const { gradient } = await compute.gradient(work);
    const expected = gradient.slice();
    const cancelled = compute.gradient(work);
    compute.cancel();
    await expect(cancelled).rejects.toThrow(ComputeCancelled);
    const again = await compute.gradient(work);
    expect(Buffer.from(again.gradient).equals(expected)).toBe(true);
  }, 60_000);

  it('gives the same gradients whatever it has read ahead, right guess or wrong', async () => {
    const compute = await prepared(augmented);
    computes.push(compute);
    const values = float32Bytes(initialValues(lessonModel, 1));
    const gradients = async (readsAhead: boolean) => {
      const seen: Uint8Array[] = [];
      // The same block, another one, the same step again, the last step and the first once more.
      for (const [step, start] of [
        [0, 0],
        [1, 0],
        [2, 2],
        [2, 0],
        [3, 0],
        [0, 0],
      ] as const) {
        compute.setParameters(step, values);
        seen.push((await compute.gradient({ step, block: { start, size: 2 } })).gradient.slice());
        if (readsAhead) compute.readAhead();
        if (readsAhead && step === 1) await compute.evaluate({ step, purpose: 'test', block: { start: 0, size: 1 } });
      }
      return seen;
    };
    const [plain, ahead] = [await gradients(false), await gradients(true)];
    expect(plain.map((gradient, n) => Buffer.from(gradient).equals(ahead[n]!))).toEqual(plain.map(() => true));
  }, 60_000);

  it('augments a sample alike in whatever lease it is: leases add up to the gradient of one', async () => {
    const [whole, parts, plain] = [await prepared(augmented), await prepared(augmented), await prepared()];
    computes.push(whole, parts, plain);
    const one = await whole.gradient(work);
    const sum = new TreeReduction(4);
    for (const block of [
      { start: 2, size: 2 },
      { start: 1, size: 1 },
      { start: 0, size: 1 },
    ]) {
      const { gradient, ...tally } = await parts.gradient({ step: 0, block });
      sum.add(block, { ...tally, vector: readFloat32(gradient) });
    }
    const { vector, ...tally } = sum.total!;
    expect(tally).toEqual({ samples: one.samples, lossSum: one.lossSum, metricSum: one.metricSum });
    expect(Buffer.from(float32Bytes(vector!)).equals(one.gradient)).toBe(true);
    expect(Buffer.from((await plain.gradient(work)).gradient).equals(one.gradient)).toBe(false);
  }, 60_000);
});
