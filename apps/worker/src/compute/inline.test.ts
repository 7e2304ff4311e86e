import { afterAll, describe, expect, it } from 'vitest';
import { resolveConfig } from '@convoy/training/config';
import { lessonModel } from '@convoy/cifar10/models';
import { initialValues } from '@convoy/cifar10/initial-values';
import { float32Bytes } from '@convoy/protocol/tensor';
import { ComputeCancelled } from './compute.ts';
import { InlineCompute } from './inline.ts';

const config = resolveConfig({
  dataset: { name: 'synthetic', seed: 1, trainCount: 64, testCount: 1 },
  epochs: 1,
  globalBatchSize: 16,
  microBatchSize: 4,
  validationSplit: 0,
});
const work = { step: 0, block: { start: 0, size: 4 } };

async function prepared(): Promise<InlineCompute> {
  const compute = new InlineCompute();
  await compute.open({ engine: 'auto', threads: 1, dataDir: undefined, environment: {} });
  await compute.prepare(config);
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
    expect(Buffer.from(again.gradient.slice().buffer).equals(Buffer.from(expected.buffer))).toBe(true);
  }, 60_000);
});
