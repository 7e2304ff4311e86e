import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { exitCodes } from '@convoy/protocol/errors';
import { Convoy, convoy, eventsOf, summaryOf, temporaryFolder } from '../support/convoy.ts';
import { Pace, PACED_SHAPES } from '../support/workloads.ts';

const folder = temporaryFolder();
afterAll(folder.remove);
const pace = new Pace(folder.path);

const RUN = [...PACED_SHAPES, '--deterministic', '--steps', '40', '--seed', '7', '--json'];

describe('convoy drain', () => {
  it('lets a worker leave in the midst of a run, which comes to the parameters of an undisturbed one', async () => {
    const undisturbed = summaryOf(
      await convoy(['train', '--single', ...RUN, '--run-dir', join(folder.path, 'alone')], pace.env),
    );
    pace.slow();
    const run = join(folder.path, 'drained');
    const training = new Convoy(['train', '--workers', '2', ...RUN, '--run-dir', run], pace.env);
    try {
      await Promise.all([training.said(/worker 0 joined/), training.said(/worker 1 joined/)]);
      const refused = await convoy(['drain', run, '--rank', '9']);
      expect([refused.code, refused.stderr.trim()]).toEqual([
        exitCodes.usage,
        'convoy: no worker of rank 9 is connected',
      ]);
      const drained = await convoy(['drain', run, '--rank', '1']);
      expect([drained.code, drained.stdout]).toEqual([0, `worker 1 of ${run} finishes what it holds and leaves\n`]);
      await training.said(/worker 1 left/);
    } finally {
      pace.full();
    }
    const { parametersSha256, samplesApplied } = summaryOf(await training.finished);
    expect({ parametersSha256, samplesApplied }).toEqual({
      parametersSha256: undisturbed.parametersSha256,
      samplesApplied: undisturbed.samplesApplied,
    });
    const left = eventsOf(run).find((event) => event.type === 'worker-left' && event.rank === 1);
    expect(left).toMatchObject({ reason: 'the coordinator asked this worker to leave' });
  });

  it('says that nobody serves a run that has ended', async () => {
    const ended = await convoy(['drain', join(folder.path, 'drained'), '--rank', '0']);
    expect([ended.code, ended.stderr]).toEqual([
      exitCodes.network,
      expect.stringContaining('is the run still training?'),
    ]);
  });
});
