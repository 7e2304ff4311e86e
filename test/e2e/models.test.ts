import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MODEL_NAMES } from '@convoy/cifar10/models';
import { convoy, summaryOf, temporaryFolder } from '../support/convoy.ts';

const folder = temporaryFolder();
afterAll(folder.remove);

/** Three steps of four micro-batches each, then validation and test with the moving statistics. */
const RUN = ['--dataset', 'synthetic', '--synthetic-size', '200', '--steps', '3', '--deterministic', '--json'];
const SIZES = ['--batch-size', '32', '--micro-batch', '8'];

describe.each(MODEL_NAMES.filter((name) => name !== 'lesson-cnn'))('three steps of %s', (model) => {
  const train = async (name: string, ...args: string[]) => {
    const runDir = join(folder.path, `${model}-${name}`);
    const { parametersSha256, testLoss, testAccuracy, validationAccuracy } = summaryOf(
      await convoy(['train', ...RUN, ...SIZES, '--model', model, '--run-dir', runDir, ...args]),
    );
    return { parametersSha256, testLoss, testAccuracy, validationAccuracy };
  };

  let reference: Awaited<ReturnType<typeof train>>;
  beforeAll(async () => {
    reference = await train('single', '--single');
  });

  it('end with the same parameters, statistics and figures with two workers as in one process', async () => {
    expect(reference.testLoss).toBeGreaterThan(0);
    expect(await train('two', '--workers', '2', '--min-workers', '2')).toEqual(reference);
  });

  it('are evaluated from their folder to the figures of the run', async () => {
    const { testLoss } = reference;
    const run = join(folder.path, `${model}-single`);
    const { code, stdout } = await convoy(['evaluate', '--run', run, '--json', '--threads', '1']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ split: 'test', loss: testLoss });
  });
});
