import { setImmediate as turn } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import { exitCodes } from '@convoy/protocol/errors';
import { NO_FIGURES } from '@convoy/training/callbacks/monitor';
import { bestCheckpoint } from './best-checkpoint.ts';
import { digest } from './checkpoint.ts';
import { MemoryDisk } from './checkpoint-files.fixture.ts';
import { listCheckpoints, loadNewestCheckpoint } from './checkpoint-load.ts';
import { CheckpointStore, type CheckpointStoreOptions } from './checkpoint-store.ts';
import { config, identity, optimizerAt, stateAt } from './checkpoint.fixture.ts';

const RUN = '/run';
const { tensors: _, ...expected } = identity;
let disk: MemoryDisk;
beforeEach(async () => {
  disk = new MemoryDisk();
  await disk.makeDirectory(RUN);
});

/** Checkpoints of steps with their validation accuracies. */
/** A store on the disk that must write everything it is given. */
function openStore(options: Partial<CheckpointStoreOptions> = {}): Promise<CheckpointStore> {
  return CheckpointStore.open({
    runFolder: RUN,
    identity,
    now: () => 0,
    fence: () => Promise.resolve(),
    onWritten: () => {},
    onFailed: (_step, error) => expect.unreachable(String(error)),
    files: disk,
    ...options,
  });
}

async function write(...checkpoints: (readonly [step: number, accuracy: number | null])[]): Promise<void> {
  const store = await openStore({ keep: 99, now: () => Date.UTC(2026, 10, 24) });
  for (const [step, validationAccuracy] of checkpoints) {
    store.save(stateAt(step, { validationAccuracy }), 'validation');
    await store.flush();
  }
}

const pathOf = (step: number, file: string) => `${RUN}/checkpoints/step-${String(step).padStart(8, '0')}/${file}`;

async function replace(path: string, content: Uint8Array | string): Promise<void> {
  await disk.remove(path);
  await (await disk.create(path)).write(Buffer.from(content));
}

describe('loadNewestCheckpoint', () => {
  it('gives back every bit of the newest, and says that nothing was passed over', async () => {
    await write([10, 0.5], [20, null]);
    const { checkpoint, faults } = await loadNewestCheckpoint(RUN, expected, disk);
    expect(faults).toEqual([]);
    expect(checkpoint!.optimizer).toEqual(optimizerAt(20));
    expect(checkpoint!.state).toMatchObject({ run: 'test-run', position: { step: 20, due: [] }, seed: 7, config });
  });

  it('gives null for a run that was stopped before its first checkpoint', async () => {
    expect(await loadNewestCheckpoint(RUN, expected, disk)).toEqual({
      checkpoint: null,
      faults: [],
    });
  });

  it.each(['parameters.bin', 'adam-m.bin', 'adam-v.bin', 'state.json', 'manifest.json'])(
    'falls back when %s is missing, cut or longer',
    async (file) => {
      await write([10, null], [20, null]);
      const bytes = Buffer.from(await disk.read(pathOf(20, file)));
      const isManifest = file === 'manifest.json';
      for (const [content, fault] of [
        [null, `${file} is missing`],
        [bytes.subarray(0, -3), isManifest ? /not JSON/ : /has \d+ bytes and was written with \d+/],
        [Buffer.concat([bytes, Buffer.from('}')]), isManifest ? /not JSON/ : /has \d+ bytes and was written with \d+/],
      ] as const) {
        if (content === null) await disk.remove(pathOf(20, file));
        else await replace(pathOf(20, file), content);
        const { checkpoint, faults } = await loadNewestCheckpoint(RUN, expected, disk);
        expect(checkpoint!.optimizer).toEqual(optimizerAt(10));
        expect(faults).toHaveLength(1);
        expect(faults[0]).toMatchObject({ name: 'step-00000020', step: 20 });
        expect(faults[0]!.fault).toMatch(fault);
      }
    },
  );

  it.each(['parameters.bin', 'adam-m.bin', 'adam-v.bin', 'state.json', 'manifest.json'])(
    'is not deceived by any flipped bit of %s',
    async (file) => {
      await write([10, null], [20, null]);
      const intact = await loadNewestCheckpoint(RUN, expected, disk);
      const bytes = Buffer.from(await disk.read(pathOf(20, file)));
      for (let bit = 0; bit < 8 * bytes.length; bit++) {
        // Vitest gives up a process that does not answer it for a minute.
        if (bit % 1_000 === 0) await turn();
        const flipped = Buffer.from(bytes);
        flipped[bit >> 3]! ^= 1 << (bit & 7);
        await replace(pathOf(20, file), flipped);
        const { checkpoint } = await loadNewestCheckpoint(RUN, expected, disk);
        // White space of the manifest means nothing: then nothing may have changed.
        if (checkpoint!.state.position.step === 20)
          expect({ file, checkpoint }).toEqual({ file: 'manifest.json', checkpoint: intact.checkpoint });
      }
    },
  );

  it.each([
    [{ run: 'other' }, "run test-run, and this is other: resume it in its own run's folder"],
    [{ modelHash: 'c' }, `model ${'a'.repeat(64)}, and this is c: use the version of Convoy that wrote it`],
    [{ dataFingerprint: 'c' }, `data set ${'b'.repeat(64)}, and this is c: give the run's own images with --data-dir`],
    [{ permutationVersion: '2' }, 'the permutation fisher-yates/1, and this is 2: use the version'],
    [{ generatorVersion: '2' }, 'the generator threefry/1, and this is 2: use the version'],
    [
      { config: { ...config, optimizer: { ...config.optimizer, learningRate: 0.5 } } },
      'another configuration (config.optimizer.learningRate is 0.001 there and 0.5 here): put the run',
    ],
  ])('refuses a checkpoint of something else, and calls it intact: %j', async (change, difference) => {
    await write([5, null], [10, null]);
    const loading = loadNewestCheckpoint(RUN, { ...expected, ...change }, disk);
    await expect(loading).rejects.toMatchObject({ name: 'OperatorError', exitCode: exitCodes.data });
    await expect(loading).rejects.toThrow(
      `step-00000010 in /run/checkpoints is intact, but it was written with ${difference}`,
    );
  });

  it('says so when none of several can be used', async () => {
    await write([10, null], [20, null]);
    for (const step of [10, 20]) await disk.remove(pathOf(step, 'adam-v.bin'));
    await expect(loadNewestCheckpoint(RUN, expected, disk)).rejects.toThrow(
      'none of the 2 checkpoints in /run/checkpoints can be used (step-00000020: adam-v.bin is missing)',
    );
  });

  it('refuses a later format, and a checkpoint under another step’s name', async () => {
    await write([10, null]);
    await replace(pathOf(10, 'manifest.json'), '{"body":{"format":5},"sha256":""}');
    await expect(loadNewestCheckpoint(RUN, expected, disk)).rejects.toThrow(
      'manifest.json is of format 5 and this version of Convoy reads 1, 2, 3, 4: use the version that wrote it',
    );
    await disk.remove(`${RUN}/checkpoints/step-00000010`);
    await write([20, null]);
    await disk.rename(`${RUN}/checkpoints/step-00000020`, `${RUN}/checkpoints/step-00000030`);
    await expect(loadNewestCheckpoint(RUN, expected, disk)).rejects.toThrow(
      'it is of step 20: the directory was renamed',
    );
  });

  it.each([
    [1, 'knew Adam alone and no schedule'],
    [2, 'knew no callbacks'],
    [3, 'counted correct predictions'],
  ])('reads format %d, which %s', async (format) => {
    await write([10, 0.5]);
    const manifest = JSON.parse(Buffer.from(await disk.read(pathOf(10, 'manifest.json'))).toString());
    const state = JSON.parse(Buffer.from(await disk.read(pathOf(10, 'state.json'))).toString());
    state.format = format;
    state.figures.epoch = { samples: 4, lossSum: 2, correct: 3, sinceMs: 0 };
    if (format < 3) {
      delete state.callbacks;
      delete state.config.callbacks;
      delete state.health;
      delete manifest.body.monitored;
    }
    if (format === 1) {
      delete state.config.schedule;
      for (const field of ['weightDecay', 'excludeFromWeightDecay', 'clipNorm']) delete state.config.optimizer[field];
    }
    const content = Buffer.from(JSON.stringify(state));
    const { files } = manifest.body;
    const body = {
      ...manifest.body,
      format,
      files: {
        'parameters.bin': files['parameters.bin'],
        'adam-m.bin': files['adam-m.bin'],
        'adam-v.bin': files['adam-v.bin'],
        'state.json': { bytes: content.length, sha256: digest(content) },
      },
    };
    await replace(pathOf(10, 'state.json'), content);
    await replace(pathOf(10, 'manifest.json'), JSON.stringify({ body, sha256: digest(JSON.stringify(body)) }));
    const { checkpoint, faults } = await loadNewestCheckpoint(RUN, expected, disk);
    expect(faults).toEqual([]);
    expect(checkpoint!.optimizer).toEqual(optimizerAt(10));
    expect(checkpoint!.state.figures.epoch).toEqual({ samples: 4, lossSum: 2, metricSum: 3, sinceMs: 0 });
    expect(await listCheckpoints(RUN, disk)).toMatchObject([{ step: 10, metric: 0.5, isBest: true }]);
  });

  it('reads figures that are not finite as they were', async () => {
    const { figures, ...state } = stateAt(20);
    const epoch = { samples: 4, lossSum: Infinity, metricSum: 0, sinceMs: 0 };
    await write([10, null]);
    const store = await openStore();
    store.save({ ...state, figures: { ...figures, epoch } }, 'end');
    await store.flush();
    const { checkpoint } = await loadNewestCheckpoint(RUN, expected, disk);
    expect(checkpoint!.state.figures.epoch).toEqual(epoch);
  });

  it('gives back what callbacks have seen, and the best parameters, without which it falls back', async () => {
    await write([10, null]);
    const store = await openStore();
    const { callbacks: before } = stateAt(20);
    const figures = { ...NO_FIGURES, epoch: 1, val_loss: NaN, val_accuracy: 0.25, loss: -Infinity };
    const callbacks = {
      ...before,
      kept: { step: 20, figures },
      earlyStopping: { wait: 1, best: NaN, bestEpoch: 1 },
      stopReason: 'enough',
    };
    const kept = Float32Array.from({ length: 10 }, (_, i) => i / 3);
    store.save(stateAt(20, { callbacks, kept }), 'end');
    await store.flush();
    const { checkpoint } = await loadNewestCheckpoint(RUN, expected, disk);
    expect(checkpoint!.state.callbacks).toEqual(callbacks);
    expect(checkpoint!.kept).toEqual(kept);
    await disk.remove(pathOf(20, 'best-parameters.bin'));
    const { checkpoint: older, faults } = await loadNewestCheckpoint(RUN, expected, disk);
    expect(older).toMatchObject({ kept: null, state: { position: { step: 10 } } });
    expect(faults).toMatchObject([{ step: 20, fault: 'best-parameters.bin is missing' }]);
  });
});

describe('listCheckpoints', () => {
  it('lists all, oldest first, verified, with the best of the valid ones', async () => {
    await write([10, 0.6], [20, 0.9], [30, 0.7], [40, 0.7]);
    await replace(pathOf(20, 'state.json'), '{}');
    const rows = await listCheckpoints(RUN, disk);
    expect(rows.map(({ step, epoch, metric, isBest }) => ({ step, epoch, metric, isBest }))).toEqual([
      { step: 10, epoch: 1, metric: 0.6, isBest: false },
      { step: 20, epoch: null, metric: null, isBest: false },
      { step: 30, epoch: 3, metric: 0.7, isBest: true },
      { step: 40, epoch: 4, metric: 0.7, isBest: false },
    ]);
    expect(rows[0]).toMatchObject({ name: 'step-00000010', writtenAt: '2026-11-24T00:00:00.000Z', fault: null });
    expect(rows[0]!.bytes).toBeGreaterThan(3 * 40);
    expect(rows[1]!.fault).toMatch(/^state\.json has 2 bytes and was written with \d+$/);
  });
});

describe('bestCheckpoint', () => {
  it('is the best by the manifests that can be read, the first of equals; null where none was validated', async () => {
    await write([10, null]);
    expect(await bestCheckpoint(RUN, disk)).toBe(null);
    await write([20, 0.9], [30, 0.7], [40, 0.7]);
    expect(await bestCheckpoint(RUN, disk)).toMatchObject({ step: 20, validationAccuracy: 0.9 });
    await replace(pathOf(20, 'manifest.json'), '{}');
    expect(await bestCheckpoint(RUN, disk)).toMatchObject({ step: 30, validationAccuracy: 0.7 });
  });
});
