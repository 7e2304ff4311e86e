import { afterAll, describe, expect, it } from 'vitest';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Health } from '@convoy/training/health/health';
import { loadNewestCheckpoint } from './checkpoint-load.ts';
import { CheckpointStore } from './checkpoint-store.ts';
import { finding, identity, stateAt, TENSORS } from './checkpoint.fixture.ts';
import { factorAfter, readRollbacks, rollBack } from './rollback.ts';

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

const health = new Health({ classes: 10, warmupSteps: 0, tensors: TENSORS });
const healthy = health.snapshot();
const alarmed = { ...healthy, open: [finding] };

/** A run's folder with checkpoints of steps 10 to 60, the last two after the collapse. */
async function runFolder(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'convoy-rollback-'));
  folders.push(folder);
  const store = await CheckpointStore.open({
    runFolder: folder,
    identity,
    keep: 10,
    now: () => 1_700_000_000_000,
    fence: () => Promise.resolve(),
    onWritten: () => {},
    onFailed: (_, error) => expect(error).toBeUndefined(),
  });
  for (const step of [10, 20, 30, 40, 50, 60]) {
    store.save(stateAt(step, { health: step > 40 ? alarmed : healthy }), 'interval');
    await store.flush();
  }
  return folder;
}

const namesIn = (folder: string) => readdirSync(join(folder, 'checkpoints')).sort();

describe('rollBack', () => {
  it('makes the run go on from its newest healthy checkpoint at half the rate, and keeps what came after under another name', async () => {
    const runFolderPath = await runFolder();
    const rollback = await rollBack({
      runFolder: runFolderPath,
      finding,
      fromStep: 60,
      isTrusted: (step) => step <= 30,
    });
    expect(rollback).toEqual({ fromStep: 60, toStep: 30, kind: 'collapsed', since: 45, learningRateFactor: 0.5 });
    expect(namesIn(runFolderPath)).toEqual([
      'abandoned-1-step-00000040',
      'abandoned-1-step-00000050',
      'abandoned-1-step-00000060',
      'step-00000010',
      'step-00000020',
      'step-00000030',
    ]);
    const { checkpoint, faults } = await loadNewestCheckpoint(runFolderPath, {});
    expect(checkpoint!.state.position.step).toBe(30);
    expect(faults).toEqual([]);
    expect(await readRollbacks(runFolderPath)).toEqual([rollback]);
  });

  it('passes over what was alarmed or is damaged', async () => {
    const folder = await runFolder();
    writeFileSync(join(folder, 'checkpoints', 'step-00000040', 'parameters.bin'), 'damaged');
    const { toStep } = await rollBack({ runFolder: folder, finding, fromStep: 60, isTrusted: () => true });
    expect(toStep).toBe(30);
  });

  it('goes back to the beginning without a checkpoint to go back to, each time at half the rate', async () => {
    const folder = await runFolder();
    const options = { runFolder: folder, finding, fromStep: 60, isTrusted: () => false };
    expect((await rollBack(options)).toStep).toBe(0);
    expect(namesIn(folder).every((name) => name.startsWith('abandoned-1-'))).toBe(true);
    expect((await loadNewestCheckpoint(folder, {})).checkpoint).toBeNull();
    expect((await rollBack(options)).learningRateFactor).toBe(0.25);
    expect(factorAfter(await readRollbacks(folder))).toBe(0.25);
  });

  it('says that its record is damaged, for the learning rate is in it', async () => {
    const folder = await runFolder();
    await rollBack({ runFolder: folder, finding, fromStep: 60, isTrusted: () => true });
    const path = join(folder, 'rollbacks.json');
    writeFileSync(path, readFileSync(path, 'utf8').replace('0.5', '"half"'));
    await expect(readRollbacks(folder)).rejects.toThrow(/rollbacks\.json is damaged: restore it/);
  });
});
