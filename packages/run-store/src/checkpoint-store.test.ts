import { afterAll, describe, expect, it } from 'vitest';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Health } from '@convoy/training/health/health';
import { diskFiles, type CheckpointFiles } from './checkpoint-files.ts';
import { diskError, interruptible, MemoryDisk, type Operation } from './checkpoint-files.fixture.ts';
import { loadNewestCheckpoint } from './checkpoint-load.ts';
import { CheckpointError, CheckpointStore, type CheckpointStoreOptions } from './checkpoint-store.ts';
import { identity, optimizerAt, stateAt, TENSORS } from './checkpoint.fixture.ts';
import { LockLostError } from './run-lock.ts';

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'convoy-checkpoints-'));
  folders.push(folder);
  return folder;
}

async function openStore(runFolder: string, options: Partial<CheckpointStoreOptions> = {}) {
  const written: number[] = [];
  const failures: unknown[] = [];
  const store = await CheckpointStore.open({
    runFolder,
    identity,
    now: () => 1_700_000_000_000,
    fence: () => Promise.resolve(),
    onWritten: ({ step }) => written.push(step),
    onFailed: (_, error) => failures.push(error),
    ...options,
  });
  const save = (...state: Parameters<typeof stateAt>) => {
    store.save(stateAt(...state), 'interval');
    return store.flush();
  };
  return { store, written, failures, save };
}

const namesIn = (folder: string) => readdirSync(join(folder, 'checkpoints')).sort();

/** The newest step that verifies, having checked that its vectors are that step's, bit for bit. */
async function newestStep(folder: string, files?: CheckpointFiles): Promise<number> {
  const { checkpoint } = await loadNewestCheckpoint(folder, { config: identity.config }, files);
  const { step } = checkpoint!.state.position;
  expect(checkpoint!.optimizer).toEqual(optimizerAt(step));
  return step;
}

describe('CheckpointStore', () => {
  it('keeps the newest and the best; of equally good ones the first', async () => {
    const folder = newFolder();
    const { save, written, failures } = await openStore(folder, { keep: 2 });
    for (const [step, validationAccuracy] of [
      [10, 0.5],
      [20, 0.7],
      [30, 0.7],
      [40, 0.6],
      [50, null],
      [60, 0.4],
    ] as const) {
      await save(step, { validationAccuracy });
    }
    expect(failures).toEqual([]);
    expect(written).toEqual([10, 20, 30, 40, 50, 60]);
    expect(namesIn(folder)).toEqual(['step-00000020', 'step-00000050', 'step-00000060']);
  });

  it('keeps what a collapsed run may go back to, also of the process before', async () => {
    const folder = newFolder();
    const health = new Health({ classes: 10, warmupSteps: 0, tensors: TENSORS }).snapshot();
    const targets = { isExpected: (step: number) => step % 20 === 0, trustedForGood: () => 45 };
    const first = await openStore(folder, { keep: 1, targets });
    for (const step of [10, 20, 30, 40, 50]) await first.save(step, { health });
    const second = await openStore(folder, { keep: 1, targets });
    for (const step of [60, 70]) await second.save(step, { health });
    expect(namesIn(folder)).toEqual(['step-00000040', 'step-00000060', 'step-00000070']);
  });

  it('knows the best and the newest of the process before', async () => {
    const folder = newFolder();
    const { save } = await openStore(folder, { keep: 1 });
    await save(10, { validationAccuracy: 0.9 });
    await save(20, { validationAccuracy: 0.1 });
    const next = await openStore(folder, { keep: 1 });
    expect(next.store.newestStep).toBe(20);
    await next.save(30, { validationAccuracy: 0.8 });
    expect(namesIn(folder)).toEqual(['step-00000010', 'step-00000030']);
  });

  it('writes a step again beside the first copy, which then goes', async () => {
    const folder = newFolder();
    const { save } = await openStore(folder);
    await save(10, { position: { step: 10, due: ['validation'] } });
    await save(10, { validationAccuracy: 0.5 });
    expect(namesIn(folder)).toEqual(['step-00000010-1']);
    const { checkpoint } = await loadNewestCheckpoint(folder, {});
    expect(checkpoint!.state.position).toEqual({ step: 10, due: [] });
  });

  it('copies the state before it returns, and of requests during a write makes only the newest', async () => {
    const folder = newFolder();
    const { store, written } = await openStore(folder, { keep: 9 });
    for (const step of [1, 2, 3, 4]) {
      const state = stateAt(step);
      store.save(state, 'interval');
      state.optimizer.parameters.fill(NaN);
    }
    await store.flush();
    expect(written).toEqual([1, 4]);
    expect(await newestStep(folder)).toBe(4);
  });

  it('writes what was evaluated although a later interval is due before the disk is free', async () => {
    const folder = newFolder();
    const { store, written } = await openStore(folder, { keep: 9 });
    store.save(stateAt(1), 'interval');
    store.save(stateAt(2), 'validation');
    store.save(stateAt(3), 'interval');
    await store.flush();
    expect(written).toEqual([1, 2]);
  });

  it('writes the last one again when it settles, if the disk refused it, and nothing else', async () => {
    const folder = newFolder();
    let isFull = true;
    const files = interruptible(diskFiles, {
      before: () => {
        if (isFull) throw diskError('ENOSPC');
      },
    });
    isFull = false;
    const { store, written, save, failures } = await openStore(folder, { files });
    await save(10);
    await store.settle();
    isFull = true;
    await save(20);
    await expect(store.settle()).rejects.toThrow(/the disk is full \(ENOSPC\): free some space on it$/);
    expect(failures).toHaveLength(1);
    isFull = false;
    await store.settle();
    await store.settle();
    expect(written).toEqual([10, 20]);
    expect(await newestStep(folder)).toBe(20);
  });

  it('lets the event loop turn between pieces', async () => {
    let turns = 0;
    const files = interruptible(diskFiles, {
      before: ({ name }) => void (name === 'write' && setImmediate(() => turns++)),
    });
    const { save } = await openStore(newFolder(), { files, chunkBytes: 16 });
    await save(10);
    // Three vectors of 40 bytes in three pieces each, and two files of JSON in many more.
    expect(turns).toBeGreaterThan(9);
  });

  it('removes what killed processes left, and nothing else', async () => {
    const folder = newFolder();
    const root = join(folder, 'checkpoints');
    for (const name of ['.writing-step-00000010-0011aabb', '.removing-step-00000005-0011aabb', 'notes']) {
      mkdirSync(join(root, name), { recursive: true });
      writeFileSync(join(root, name, 'parameters.bin'), 'x');
    }
    await openStore(folder);
    expect(namesIn(folder)).toEqual(['notes']);
  });

  it('keeps a damaged checkpoint until a newer one is there, and does not count it', async () => {
    const folder = newFolder();
    const { save } = await openStore(folder);
    await save(10);
    await save(20);
    writeFileSync(join(folder, 'checkpoints', 'step-00000020', 'adam-m.bin'), 'cut');
    const next = await openStore(folder, { keep: 1 });
    expect(next.store.newestStep).toBe(10);
    await next.save(15);
    expect(namesIn(folder)).toEqual(['step-00000015', 'step-00000020']);
    await next.save(20);
    expect(namesIn(folder)).toEqual(['step-00000020-1']);
    expect(await newestStep(folder)).toBe(20);
  });

  it.each([
    ['ENOSPC', 'the disk is full (ENOSPC): free some space on it'],
    ['EACCES', 'permission was refused (EACCES): make the folder writable for this process'],
    ['EROFS', 'the disk is mounted read-only (EROFS): mount it for writing'],
    ['EIO', 'the disk fails (EIO): save what is on it and resume the run from a copy on another'],
  ])('says in one line what to do about %s, and tries again later', async (code, remedy) => {
    const folder = newFolder();
    let isFailing = false;
    const files = interruptible(diskFiles, {
      before: ({ name }) => {
        if (isFailing && name === 'write') throw diskError(code);
      },
    });
    const { save, failures, written } = await openStore(folder, { files });
    await save(10);
    isFailing = true;
    await save(20);
    expect(failures).toHaveLength(1);
    expect(failures[0]).toBeInstanceOf(CheckpointError);
    expect((failures[0] as Error).message).toBe(
      `can't write the checkpoint of step 20 to ${folder}/checkpoints: ${remedy}. Training goes on; the newest is that of step 10`,
    );
    expect(namesIn(folder)).toEqual(['step-00000010']);
    isFailing = false;
    await save(30);
    expect(written).toEqual([10, 30]);
  });

  it('writes nothing more once its lock is lost', async () => {
    const folder = newFolder();
    let isLost = false;
    const lost = new LockLostError('run r is served by another');
    const fence = () => (isLost ? Promise.reject(lost) : Promise.resolve());
    const { save, failures } = await openStore(folder, { fence });
    await save(10);
    isLost = true;
    await save(20);
    isLost = false;
    await save(30);
    expect(failures).toEqual([lost]);
    expect(namesIn(folder)).toEqual(['step-00000010']);
  });

  it.each([
    [{ consecutiveSkips: -1 }, 'state.json: consecutiveSkips'],
    [{ optimizer: optimizerAt(9) }, 'state.json contradicts itself: 10 steps, of which 9 applied and 0 skipped'],
  ])('does not write what it could not read: %j is a fault of our own', async (change, message) => {
    const folder = newFolder();
    const { save, failures } = await openStore(folder);
    await save(10, change);
    expect(failures[0]).not.toBeInstanceOf(CheckpointError);
    expect(String(failures[0])).toContain(message);
    expect(namesIn(folder)).toEqual([]);
  });

  it('names the folder it can not make', async () => {
    const folder = newFolder();
    writeFileSync(join(folder, 'checkpoints'), 'a file');
    await expect(openStore(folder)).rejects.toThrow(`can't keep checkpoints in ${folder}/checkpoints`);
  });
});

// Hundreds of writes each: seconds on a busy machine.
describe('a write of a checkpoint that is interrupted', () => {
  /** Writes step 10, then 20 with keep 1, interrupted as told; counts the second write's operations. */
  async function writeTwo(disk: CheckpointFiles, act: (operation: Operation) => void) {
    let before = Infinity;
    let last = 0;
    const files = interruptible(disk, {
      before: ({ number, name }) => {
        last = number;
        if (number > before) act({ number: number - before, name });
      },
    });
    const opened = await openStore(RUN, { files, keep: 1, chunkBytes: 16 });
    await opened.save(10);
    before = last;
    await opened.save(20);
    return { ...opened, operations: last - before };
  }

  it.each([
    ['once', (at: number, number: number) => number === at],
    ['from then on', (at: number, number: number) => number >= at],
  ])('by ENOSPC %s, at any operation, leaves the old one or the new one valid', async (_, isFailing) => {
    const { operations } = await writeTwo(await newDisk(), () => {});
    expect(operations).toBeGreaterThan(25);
    const newest = new Set<number>();
    for (let at = 1; at <= operations; at++) {
      const disk = await newDisk();
      let isFull = true;
      const { save, failures } = await writeTwo(disk, ({ number }) => {
        if (isFull && isFailing(at, number)) throw diskError('ENOSPC');
      });
      newest.add(await newestStep(RUN, disk));
      expect(failures).toHaveLength(1);
      expect(failures[0]).toBeInstanceOf(CheckpointError);
      // With space again, the next attempt succeeds, and the next start clears up.
      isFull = false;
      await save(30);
      expect(await newestStep(RUN, disk)).toBe(30);
      await openStore(RUN, { files: disk });
      expect(await disk.list(`${RUN}/checkpoints`)).toEqual(['step-00000030']);
    }
    expect(newest).toEqual(new Set([10, 20]));
  });

  it('by a loss of power, at any operation and whatever was not flushed, leaves the old one or the new one valid', async () => {
    const { operations } = await writeTwo(await newDisk(), () => {});
    const newest = new Set<number>();
    for (let at = 1; at <= operations; at++) {
      const isHeads = coin(at);
      const disk = await newDisk();
      const found: MemoryDisk[] = [];
      await writeTwo(disk, ({ number }) => {
        if (number !== at) return;
        // What was not flushed is lost, or survives, or each thing does one of the two by chance.
        found.push(disk.afterPowerLoss(() => false));
        found.push(disk.afterPowerLoss(() => true));
        for (let draw = 0; draw < 4; draw++) found.push(disk.afterPowerLoss(isHeads));
      });
      expect(found).toHaveLength(6);
      for (const files of found) {
        newest.add(await newestStep(RUN, files));
        const { save } = await openStore(RUN, { files, keep: 1 });
        await save(30);
        expect(await newestStep(RUN, files)).toBe(30);
        expect(await files.list(`${RUN}/checkpoints`)).toEqual(['step-00000030']);
      }
    }
    expect(newest).toEqual(new Set([10, 20]));
  });
});

const RUN = '/run';

/** A disk with a run's folder on it. */
async function newDisk(): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  await disk.makeDirectory(RUN);
  await disk.syncDirectory('/');
  return disk;
}

/** Tosses of a coin, the same for the same seed: the top bit of a linear congruential generator (Numerical Recipes). */
function coin(seed: number): () => boolean {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >= 2 ** 31;
  };
}
