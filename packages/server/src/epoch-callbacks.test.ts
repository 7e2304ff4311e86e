import { afterAll, describe, expect, it } from 'vitest';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeServerMessage, encode } from '@convoy/protocol/codec';
import { PROTOCOL_VERSION, type EvaluationLease, type Lease } from '@convoy/protocol/messages';
import type { MetricName } from '@convoy/protocol/metric';
import type { RunEvent, RunSummary } from '@convoy/protocol/run-events';
import { copyFloat32, float32Bytes } from '@convoy/protocol/tensor';
import { followMetric } from '@convoy/training/callbacks/follow-metric';
import { testConfig } from '@convoy/training/config.fixture';
import { createOptimizer } from '@convoy/training/optimizer/optimizer';
import { planRun, SAMPLING_VERSION } from '@convoy/training/sampling';
import type { Settings } from '@convoy/training/settings';
import { memoryPair } from '@convoy/transport/memory';
import { MemoryDisk } from '@convoy/run-store/checkpoint-files.fixture';
import { listCheckpoints, loadNewestCheckpoint } from '@convoy/run-store/checkpoint-load';
import { CheckpointStore } from '@convoy/run-store/checkpoint-store';
import { HealthWatch } from './health-watch.ts';
import { Parameters } from './parameters.ts';
import { RunFigures } from '@convoy/training/figures';
import { RunFolder } from '@convoy/run-store/run-folder';
import { serverCodec } from './serve.ts';
import { ParameterServer } from './server.ts';

const folder = mkdtempSync(join(tmpdir(), 'convoy-callbacks-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const TARGET = Float32Array.of(1, -2, 3);
const TENSORS = [{ name: 'values', shape: [3], offset: 0, size: 3 }] as const;
const digest = 'a'.repeat(64);
/** Two steps of four samples an epoch, two samples for validation, three for the test. */
const RUN: Settings = {
  dataset: { name: 'synthetic', seed: 1, trainCount: 10, testCount: 3 },
  epochs: 6,
  globalBatchSize: 4,
  microBatchSize: 2,
  validationSplit: 0.2,
  optimizer: { name: 'sgd', learningRate: 0.25, momentum: 0.5 },
};

interface Circumstances {
  readonly workers?: number;
  readonly metric?: MetricName;
  /** What each epoch's validation finds; a regression's absolute error is half of it. */
  readonly losses?: readonly number[];
  /** Steps whose gradient is not finite. */
  readonly broken?: readonly number[];
  readonly disk?: MemoryDisk;
  /** The process is killed at this event, counted from 1. */
  readonly killAt?: number;
}

interface Trained {
  readonly events: readonly RunEvent[];
  /** Null when it was killed. */
  readonly summary: RunSummary | null;
  readonly disk: MemoryDisk;
}

let folders = 0;

/** A run's process, from the newest checkpoint on the disk, with workers that descend to {@link TARGET}. */
async function train(options: Settings, circumstances: Circumstances = {}): Promise<Trained> {
  const { workers = 1, metric = 'accuracy', killAt = Infinity, disk = new MemoryDisk() } = circumstances;
  const config = followMetric(testConfig(options), metric, [options]);
  const { trainCount, testCount } = { trainCount: 10, testCount: 3 };
  const plan = planRun(config, { trainCount, testCount });
  await disk.makeDirectory('/run');
  const versions = { permutationVersion: 'p', generatorVersion: 'g' };
  const store = await CheckpointStore.open({
    runFolder: '/run',
    identity: { run: 'r', config, modelHash: digest, dataFingerprint: digest, ...versions, tensors: TENSORS },
    now: () => 0,
    fence: () => Promise.resolve(),
    onWritten: () => {},
    onFailed: (_, error) => expect.unreachable(String(error)),
    files: disk,
  });
  const { checkpoint } = await loadNewestCheckpoint('/run', { config }, disk);
  const parameters = new Parameters(
    new Float32Array(TARGET.length),
    createOptimizer(config.optimizer, { tensors: TENSORS }),
  );
  if (checkpoint !== null) parameters.restore(checkpoint.optimizer, checkpoint.kept);
  const events: RunEvent[] = [];
  let kill = () => {};
  const killed = new Promise<null>((resolve) => (kill = () => resolve(null)));
  const isKilled = () => events.length >= killAt;
  const runFolder = new RunFolder(join(folder, String(folders++)), config, () => {});
  const server = new ParameterServer({
    context: {
      identity: { run: 'r', incarnation: 'i' },
      config,
      layout: {
        plan,
        model: { hash: digest, parameterCount: TARGET.length, trainableCount: TARGET.length, tensors: TENSORS },
        dataFingerprint: digest,
      },
      report: (fact) => {
        runFolder.log({ at: 1_000, ...fact });
        if (isKilled()) return;
        events.push({ at: 1_000, ...fact });
        if (isKilled()) kill();
      },
      clock: { now: () => 1_000, exact: () => 1_000, after: () => () => {} },
    },
    parameters,
    figures: new RunFigures('r', plan, checkpoint?.state.figures, metric),
    ...(checkpoint === null
      ? {}
      : {
          start: {
            resumed: true,
            position: checkpoint.state.position,
            consecutiveSkips: checkpoint.state.consecutiveSkips,
            stopReason: checkpoint.state.callbacks!.stopReason,
          },
          callbacks: checkpoint.state.callbacks,
        }),
    folder: runFolder,
    // What a killed process asks for after its death is never written.
    checkpoints: {
      save: (...order) => (isKilled() ? undefined : store.save(...order)),
      flush: () => store.flush(),
      settle: () => store.settle(),
    },
    health: new HealthWatch({
      classes: metric === 'accuracy' ? 10 : null,
      tensors: TENSORS,
      warmupSteps: 0,
      from: checkpoint?.state.health ?? null,
      onCollapse: 'halt',
      rollbacks: [],
    }),
    fence: () => (isKilled() ? new Promise(() => {}) : Promise.resolve()),
    coordinator: { checkpointEverySteps: 3 },
  });
  for (let rank = 0; rank < workers; rank++) void work(server, `w${rank}`, circumstances, isKilled);
  const end = await Promise.race([server.ended, killed]);
  await store.flush();
  if (end === null) runFolder.close();
  return { events, summary: end?.summary ?? null, disk };
}

async function work(
  server: ParameterServer,
  workerId: string,
  { metric = 'accuracy', losses = [], broken = [] }: Circumstances,
  isOver: () => boolean,
) {
  const [serverEnd, connection] = memoryPair(serverCodec, { encode, decode: decodeServerMessage });
  server.accept(serverEnd);
  const engine = { name: 'test', version: '1', threads: 1 };
  connection.send({ type: 'hello', protocolVersion: PROTOCOL_VERSION, workerId, name: workerId, engine });
  const parameters = new Float32Array(TARGET.length);
  let microBatchSize = 0;
  for await (const message of connection) {
    if (isOver()) return;
    switch (message.type) {
      case 'welcome': {
        const { run, incarnation, config } = message;
        ({ microBatchSize } = config);
        const digests = { modelHash: digest, dataFingerprint: digest, numericsFingerprint: digest };
        const ready = { run, incarnation, samplingVersion: SAMPLING_VERSION, holding: null, ...digests };
        connection.send({ type: 'ready', ...ready });
        break;
      }
      case 'parameters':
        copyFloat32(message.values, parameters);
        break;
      case 'lease': {
        const lease = leaseOf(message);
        const samples = microBatchSize * lease.block.size;
        const isBroken = broken.includes(lease.step);
        const gradient = parameters.map((value, i) => (isBroken ? NaN : samples * (value - TARGET[i]!)));
        const lossSum = samples * distanceOf(parameters);
        const sums = { samples, lossSum, metricSum: metric === 'accuracy' ? 1 : lossSum / 2, computeMs: 0 };
        connection.send({ type: 'result', ...lease, ...sums, gradient: float32Bytes(gradient) });
        break;
      }
      case 'evaluation-lease': {
        const { purpose } = message;
        const lease = leaseOf(message);
        const samples = purpose === 'test' ? 3 : 2;
        const mean = purpose === 'test' ? distanceOf(parameters) : losses[lease.step / 2 - 1]!;
        const lossSum = samples * mean;
        const sums = { samples, lossSum, metricSum: metric === 'accuracy' ? 1 : lossSum / 2, computeMs: 0 };
        connection.send({ type: 'evaluation-result', ...lease, ...sums });
      }
    }
  }
}

function leaseOf({ run, incarnation, task, step, block }: Lease | EvaluationLease) {
  return { run, incarnation, task, step, block };
}

function distanceOf(parameters: Float32Array): number {
  return parameters.reduce((sum, value, i) => sum + (value - TARGET[i]!) ** 2, 0);
}

/** What the callbacks decided, in words. */
function decisionsIn(events: readonly RunEvent[]): string[] {
  return events.flatMap((event) => {
    switch (event.type) {
      case 'learning-rate-reduced':
        return [`rate ${event.to} after ${event.step}`];
      case 'early-stopped':
        return [`stop after ${event.step}`];
      case 'best-restored':
        return [`back to ${event.bestStep} after ${event.step}`];
      default:
        return [];
    }
  });
}

/** The same without what a later process did again. */
function overRestarts(processes: readonly Trained[]): string[] {
  const byStep = new Map<number, string[]>();
  for (const { events } of processes) {
    for (const event of events) {
      if (!('step' in event)) continue;
      const decisions = decisionsIn([event]);
      if (event.type === 'step' || event.type === 'run-resumed') {
        for (const step of byStep.keys()) if (step > event.step) byStep.delete(step);
        byStep.set(event.step, byStep.get(event.step) ?? []);
      }
      for (const decision of decisions) {
        const known = byStep.get(event.step) ?? [];
        byStep.set(event.step, known.includes(decision) ? known : [...known, decision]);
      }
    }
  }
  return [...byStep.values()].flat();
}

const LOSSES = [1, 0.8, 0.9, 0.85, 0.95, 0.99];
const ALL: Settings = {
  ...RUN,
  callbacks: {
    earlyStopping: { patience: 2, restoreBestWeights: true },
    reduceLROnPlateau: { patience: 1, factor: 0.5 },
  },
};
const TO_THE_END: Settings = { ...RUN, callbacks: { earlyStopping: { patience: 9, restoreBestWeights: true } } };
const UNVALIDATED: Settings = {
  ...RUN,
  validationSplit: 0,
  globalBatchSize: 5,
  microBatchSize: 5,
  callbacks: {
    earlyStopping: { monitor: 'loss', mode: 'max', patience: 1, restoreBestWeights: true },
    modelCheckpoint: { monitor: 'loss', mode: 'min' },
  },
};
const BEST_ONLY: Settings = {
  ...RUN,
  callbacks: { modelCheckpoint: { monitor: 'val_loss', saveBestOnly: true } },
};

const REGRESSION: Settings = {
  ...RUN,
  callbacks: {
    earlyStopping: { monitor: 'val_mean_absolute_error', patience: 2, restoreBestWeights: true },
    reduceLROnPlateau: { monitor: 'mean_absolute_error', patience: 1, factor: 0.5 },
  },
};

describe("the server's callbacks", () => {
  it('lower the rate, end the run early, and test the best parameters of it', async () => {
    const { events, summary } = await train(ALL, { losses: LOSSES });
    expect(decisionsIn(events)).toEqual([
      'rate 0.125 after 6',
      'rate 0.0625 after 8',
      'stop after 8',
      'back to 4 after 8',
    ]);
    const rates = events.flatMap((event) => (event.type === 'step' ? [event.learningRate] : []));
    expect(rates).toEqual([0.25, 0.25, 0.25, 0.25, 0.25, 0.25, 0.125, 0.125]);
    expect(events.at(-1)).toMatchObject({
      type: 'run-ended',
      outcome: 'completed',
      reason: 'early stopping: val_loss has not improved for 2 epochs: the best is 0.8000, of epoch 2',
    });
    // Until the fourth step nothing was different.
    const { summary: short } = await train({ ...RUN, maxSteps: 4 }, { losses: LOSSES });
    const { parametersSha256, testLoss } = short!;
    expect(summary).toMatchObject({ steps: 8, parametersSha256, testLoss });
  });

  it('go back to the best parameters also when the last step has been done', async () => {
    const { events, summary } = await train(TO_THE_END, { losses: LOSSES });
    expect(decisionsIn(events)).toEqual(['back to 4 after 12']);
    expect(events.at(-1)).toMatchObject({ reason: 'all steps are done' });
    const { summary: short } = await train({ ...RUN, maxSteps: 4 }, { losses: LOSSES });
    expect(summary).toMatchObject({ parametersSha256: short!.parametersSha256, testLoss: short!.testLoss });
  });

  it('go by the training where nothing is validated, also when the step that ends an epoch was skipped', async () => {
    const { events, disk } = await train(UNVALIDATED, { broken: [3] });
    expect(decisionsIn(events)).toEqual(['stop after 4', 'back to 2 after 4']);
    expect(events.filter(({ type }) => type === 'step-skipped')).toHaveLength(1);
    expect(events.find(({ type }) => type === 'evaluated')).toMatchObject({ purpose: 'test', step: 4 });
    const [first] = await listCheckpoints('/run', disk);
    expect(first).toMatchObject({ step: 2, metric: null });
  });

  it('leave checkpoints of better epochs only, and one at the end', async () => {
    const { disk } = await train(BEST_ONLY, { losses: LOSSES });
    const listed = await listCheckpoints('/run', disk);
    // Every third step has its own, for a restart; three are kept beside the best.
    expect(listed.map(({ step, isBest }) => [step, isBest])).toEqual([
      [4, true],
      [6, false],
      [9, false],
      [12, false],
    ]);
  });

  it.each<[string, Settings, Circumstances]>([
    ['with all of them', ALL, {}],
    ['to the last step', TO_THE_END, {}],
    ['without a validation', UNVALIDATED, { broken: [3] }],
    ['that saves the best only', BEST_ONLY, {}],
    ['that is a regression', REGRESSION, { metric: 'meanAbsoluteError' }],
  ])(
    'decide the same in a run %s for three workers, and when its process is killed at any event and goes on from its checkpoint',
    async (_name, options, given) => {
      const circumstances = { losses: LOSSES, ...given };
      const steady = await train(options, circumstances);
      const expected = { parametersSha256: steady.summary!.parametersSha256, testLoss: steady.summary!.testLoss };
      const three = await train(options, { ...circumstances, workers: 3 });
      expect(three.summary).toMatchObject(expected);
      expect(decisionsIn(three.events)).toEqual(decisionsIn(steady.events));
      for (let killAt = 4; killAt < steady.events.length; killAt++) {
        const killed = await train(options, { ...circumstances, killAt });
        expect(killed.summary).toBeNull();
        const resumed = await train(options, { ...circumstances, disk: killed.disk });
        expect({ killAt, ...resumed.summary }).toMatchObject({ killAt, ...expected });
        expect(overRestarts([killed, resumed])).toEqual(decisionsIn(steady.events));
      }
    },
  );

  it('follow the mean absolute error of a regression, whose best checkpoint has the lowest validation loss', async () => {
    const { events, summary, disk } = await train(REGRESSION, { losses: LOSSES, metric: 'meanAbsoluteError' });
    // With momentum the fourth epoch overshoots.
    expect(decisionsIn(events)).toEqual(['rate 0.125 after 8', 'stop after 8', 'back to 4 after 8']);
    const measured = events.filter(({ type }) => ['step', 'epoch-ended', 'evaluated'].includes(type));
    expect(measured).toHaveLength(8 + 4 + 5);
    for (const event of measured) {
      expect(event).not.toHaveProperty('accuracy');
      expect(event).toMatchObject({ meanAbsoluteError: (event as Extract<RunEvent, { type: 'step' }>).loss / 2 });
    }
    expect(summary).toMatchObject({
      testAccuracy: null,
      testMeanAbsoluteError: summary!.testLoss! / 2,
      validationAccuracy: null,
      validationMeanAbsoluteError: 0.4,
      health: [],
    });
    const best = (await listCheckpoints('/run', disk)).find(({ isBest }) => isBest);
    expect(best).toMatchObject({ step: 4, metric: null, meanAbsoluteError: 0.4 });
  });

  it('leave a finished run finished', async () => {
    const { summary, disk } = await train(ALL, { losses: LOSSES });
    const again = await train(ALL, { losses: LOSSES, disk });
    expect(again.events.map(({ type }) => type)).toEqual(['run-resumed', 'run-ended']);
    expect(again.summary).toMatchObject({
      parametersSha256: summary!.parametersSha256,
      validationAccuracy: summary!.validationAccuracy,
    });
  });
});
