import { describe, expect, it } from 'vitest';
import { Health } from '@convoy/training/health/health';
import { diskError, interruptible, MemoryDisk, type Operation } from './checkpoint-files.fixture.ts';
import { loadNewestCheckpoint } from './checkpoint-load.ts';
import { CheckpointStore } from './checkpoint-store.ts';
import { finding, identity, optimizerAt, stateAt, TENSORS } from './checkpoint.fixture.ts';
import { finishRollback, readRollbacks, rollBack } from './rollback.ts';

const RUN = '/run';
const healthy = new Health({ classes: 10, warmupSteps: 0, tensors: TENSORS }).snapshot();

/** A disk with a run that has checkpoints of steps 10 to 40 and goes back to 20. */
async function newDisk(): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  await disk.makeDirectory(RUN);
  await disk.syncDirectory('/');
  const store = await openStore(disk);
  for (const step of [10, 20, 30, 40]) await save(store, step);
  return disk;
}

function openStore(files: MemoryDisk): Promise<CheckpointStore> {
  return CheckpointStore.open({
    runFolder: RUN,
    identity,
    keep: 10,
    now: () => 1_700_000_000_000,
    fence: () => Promise.resolve(),
    onWritten: () => {},
    onFailed: (_, error) => expect(error).toBeUndefined(),
    files,
  });
}

function save(store: CheckpointStore, step: number): Promise<void> {
  store.save(stateAt(step, { health: healthy }), 'interval');
  return store.flush();
}

/** Goes back, stepping in at each operation. @returns how many there were. */
async function goBack(disk: MemoryDisk, act: (operation: Operation) => void = () => {}): Promise<number> {
  let operations = 0;
  const files = interruptible(disk, {
    before: (operation) => {
      operations = operation.number;
      act(operation);
    },
  });
  await rollBack({ runFolder: RUN, finding, fromStep: 40, isTrusted: (step) => step <= 20, files });
  return operations;
}

/** What a server does with the run after it was found so: it resumes it, and it collapses again unless it went back already. */
async function resumeAndGoBack(disk: MemoryDisk): Promise<void> {
  await finishRollback(RUN, disk);
  const rollbacks = await readRollbacks(RUN, disk);
  if (rollbacks.length > 0) return;
  const { checkpoint } = await loadNewestCheckpoint(RUN, {}, disk);
  expect(checkpoint!.state.position.step).toBe(40);
  await goBack(disk);
}

async function expectRolledBack(disk: MemoryDisk): Promise<void> {
  const { checkpoint, faults } = await loadNewestCheckpoint(RUN, {}, disk);
  expect(faults).toEqual([]);
  expect(checkpoint!.optimizer).toEqual(optimizerAt(20));
  expect(
    (await readRollbacks(RUN, disk)).map(({ toStep, learningRateFactor }) => [toStep, learningRateFactor]),
  ).toEqual([[20, 0.5]]);
  const names = await disk.list(`${RUN}/checkpoints`);
  expect(names.filter((name) => name.startsWith('step-')).sort()).toEqual(['step-00000010', 'step-00000020']);
  // Trained on, it is not taken back to that step again.
  const store = await openStore(disk);
  await save(store, 30);
  expect(await finishRollback(RUN, disk)).toBeNull();
  expect((await loadNewestCheckpoint(RUN, {}, disk)).checkpoint!.state.position.step).toBe(30);
}

describe('a rollback that is interrupted', () => {
  it('by an error at any operation is finished by the next start, and counts once', async () => {
    const operations = await goBack(await newDisk());
    expect(operations).toBeGreaterThan(12);
    for (let at = 1; at <= operations; at++) {
      const disk = await newDisk();
      const failing = goBack(disk, ({ number }) => {
        if (number >= at) throw diskError('ENOSPC');
      });
      await expect(failing).rejects.toThrow(
        "can't roll back the run in /run: the disk is full (ENOSPC): free some space on it, then resume the run",
      );
      await resumeAndGoBack(disk);
      expect(await disk.list(`${RUN}/checkpoints`)).toEqual(
        expect.arrayContaining(['abandoned-1-step-00000030', 'abandoned-1-step-00000040']),
      );
      await expectRolledBack(disk);
    }
  });

  it('by a loss of power at any operation, whatever was not flushed, is finished by the next start', async () => {
    const operations = await goBack(await newDisk());
    for (let at = 1; at <= operations; at++) {
      const disk = await newDisk();
      const found: MemoryDisk[] = [];
      let isHeads = false;
      await goBack(disk, ({ number }) => {
        if (number !== at) return;
        found.push(disk.afterPowerLoss(() => false));
        found.push(disk.afterPowerLoss(() => true));
        found.push(disk.afterPowerLoss(() => (isHeads = !isHeads)));
      });
      expect(found).toHaveLength(3);
      for (const left of found) {
        await resumeAndGoBack(left);
        await expectRolledBack(left);
      }
    }
  });

  it('and whose finishing is interrupted as well, is finished by the start after', async () => {
    const operations = await goBack(await newDisk());
    for (let at = 1; at <= operations; at++) {
      const disk = await newDisk();
      const dying = goBack(disk, ({ number }) => {
        if (number >= 8) throw diskError('EIO');
      });
      await expect(dying).rejects.toThrow('EIO');
      const files = interruptible(disk, {
        before: ({ number }) => {
          if (number >= at) throw diskError('EIO');
        },
      });
      await finishRollback(RUN, files).catch(() => {});
      await resumeAndGoBack(disk);
      await expectRolledBack(disk);
    }
  });

  it('in a version that kept no record of what it was about to do, does not stand in the way of the next one', async () => {
    const disk = await newDisk();
    await disk.rename(`${RUN}/checkpoints/step-00000040`, `${RUN}/checkpoints/abandoned-1-step-00000040`);
    const store = await openStore(disk);
    await save(store, 40);
    await goBack(disk);
    expect(await disk.list(`${RUN}/checkpoints`)).toEqual(
      expect.arrayContaining(['abandoned-1-step-00000040', 'abandoned-2-step-00000040']),
    );
  });
});
