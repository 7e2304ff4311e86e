import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { convoy, summaryOf, temporaryFolder } from '../support/convoy.ts';
import { SHAPES } from '../support/workloads.ts';

const folder = temporaryFolder();
afterAll(folder.remove);

/** Two epochs of seven steps of four micro-batches each; the last of an epoch is twelve samples short. */
const RUN = [...SHAPES, '--steps', '14', '--deterministic', '--json'];
const ALL = ['--augment', 'crop,flip', '--cutout', '8', '--mixup', '0.2', '--label-smoothing', '0.1'];

describe('two epochs with every augmentation', () => {
  const train = async (name: string, ...args: string[]) => {
    const runDir = join(folder.path, name);
    const { parametersSha256, samplesApplied, testLoss, validationAccuracy } = summaryOf(
      await convoy(['train', ...RUN, ...ALL, '--run-dir', runDir, ...args]),
    );
    return { parametersSha256, samplesApplied, testLoss, validationAccuracy };
  };

  it('end with the same parameters with 1, 2 and 4 workers as in one process', async () => {
    const reference = await train('single', '--single');
    expect(reference.samplesApplied).toBe(2 * 212);
    for (const workers of ['1', '2', '4']) {
      expect(await train(`workers-${workers}`, '--workers', workers, '--min-workers', workers)).toEqual(reference);
    }
  });

  it('can not be asked for in ways that mean nothing', async () => {
    const { code, stderr } = await convoy(['train', '--augment', 'crop,turn']);
    expect(code).toBe(2);
    expect(stderr).toContain('It must be some of crop,flip, with commas between.');
  });
});
