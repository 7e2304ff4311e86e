// npx tsx test/bench/step.ts [STEPS] [WORKERS…]
//
// What a step costs outside the gradient: the real parameter server and the real worker's loop, over real sockets between
// processes, with a compute that answers at once. Prints the median time of a step and the processor time of each process
// for every number of workers named (1 and 2 by default).
import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { launchEnvironment, nodeOptions } from '@convoy/infra/launch';
import { lessonModel } from '@convoy/cifar10/architecture';
import { initialValues } from '@convoy/cifar10/initial-values';
import { Parameters } from '@convoy/parameter-server/parameters';
import { RunFigures } from '@convoy/parameter-server/run-figures';
import { RunFolder } from '@convoy/parameter-server/run-folder';
import { openDoor } from '@convoy/parameter-server/serve';
import { ParameterServer } from '@convoy/parameter-server/server';
import { systemClock } from '@convoy/parameter-server/system-clock';
import { maxMessageBytes } from '@convoy/protocol/messages';
import type { RunConfig } from '@convoy/protocol/run-config';
import { copyFloat32 } from '@convoy/protocol/tensor';
import { resolveConfig } from '@convoy/training/config';
import { extentOf, partOf, planStep } from '@convoy/training/sampling';
import { leavesOf } from '@convoy/training/blocks';
import { dial } from '@convoy/transport/dial';
import type { Compute } from '@convoy/worker/compute/compute';
import { work, workerCodec } from '@convoy/worker/work';
import { temporaryFolder } from '../support/convoy.ts';

const SELF = fileURLToPath(import.meta.url);
const DIGEST = '0'.repeat(64);

if (process.argv[2] === '--worker') await serveAsWorker(process.argv[3]!);
else if (process.argv[2] === '--server') await serveSteps(Number(process.argv[3]), Number(process.argv[4]));
else await measure();

/** Starts one server process per number of workers, which starts its workers itself. */
async function measure(): Promise<void> {
  const steps = Number(process.argv[2] ?? 100);
  const counts = process.argv.length > 3 ? process.argv.slice(3).map(Number) : [1, 2];
  for (const count of counts) await ended(run(['--server', String(steps), String(count)]));
}

/** The server's process: `steps` steps of `count` workers. */
async function serveSteps(steps: number, count: number): Promise<void> {
  const folder = temporaryFolder();
  const dataset = { trainCount: 50_000, testCount: 0 };
  const config = resolveConfig({
    dataset: { name: 'synthetic', seed: 1, ...dataset, testCount: 1 },
    globalBatchSize: 256,
    microBatchSize: 64,
    maxSteps: steps,
    validationSplit: 0,
  });
  const stepMs: number[] = [];
  let cpuBefore = process.cpuUsage();
  let lastMs = 0;
  const extent = extentOf(config, dataset);
  const server = new ParameterServer({
    run: 'bench',
    incarnation: '1',
    config,
    extent,
    model: lessonModel,
    dataFingerprint: DIGEST,
    folder: new RunFolder(join(folder.path, 'run'), config, () => {}),
    parameters: new Parameters(initialValues(lessonModel, 1)),
    figures: new RunFigures('bench', extent),
    checkpoints: null,
    coordinator: { minWorkers: count },
    onEvent: (event) => {
      if (event.type !== 'step') return;
      const nowMs = performance.now();
      // The first steps compile.
      if (event.step === 20) cpuBefore = process.cpuUsage();
      if (event.step > 20) stepMs.push(nowMs - lastMs);
      lastMs = nowMs;
    },
    clock: systemClock,
  });
  const { listener, letIn } = await openDoor('127.0.0.1', 0, lessonModel.parameterCount);
  letIn(server);
  const workers = Array.from({ length: count }, () => run(['--worker', `ws://127.0.0.1:${listener.port}`]));
  await server.ended;
  const { user, system } = process.cpuUsage(cpuBefore);
  await Promise.all(workers.map(ended));
  await listener.close();
  folder.remove();
  stepMs.sort((a, b) => a - b);
  const [median, tenth] = [0.5, 0.1].map((part) => stepMs[Math.floor(stepMs.length * part)]!.toFixed(1));
  const cpu = ((user + system) / 1000 / stepMs.length).toFixed(1);
  console.log(`${count} workers: step ${median} ms (fastest tenth ${tenth}), server ${cpu} ms of processor time`);
}

/** A worker's process: everything but TensorFlow. */
async function serveAsWorker(url: string): Promise<void> {
  // Shared, as they are between a worker's threads.
  const gradient = new Float32Array(new SharedArrayBuffer(lessonModel.parameterCount * 4));
  for (let i = 0; i < gradient.length; i++) gradient[i] = Math.sin(i) / 1000;
  const parameters = new Float32Array(new SharedArrayBuffer(lessonModel.parameterCount * 4));
  let config: RunConfig;
  const compute: Compute = {
    tensors: 0,
    open: () => Promise.resolve({ name: 'none', version: '0', threads: 1, warning: null }),
    prepare: (given) => {
      config = given;
      return Promise.resolve({
        modelHash: lessonModel.hash,
        dataFingerprint: DIGEST,
        numericsFingerprint: DIGEST,
        dataset: { trainCount: 50_000, testCount: 1 },
        parameterCount: lessonModel.parameterCount,
        note: null,
      });
    },
    setParameters: (_, values) => copyFloat32(values, parameters),
    gradient: ({ step, block }) => {
      const { positions, microBatches } = planStep(
        step,
        config,
        extentOf(config, { trainCount: 50_000, testCount: 0 }),
      );
      const leaves = leavesOf(block, microBatches);
      let samples = 0;
      for (let leaf = leaves.start; leaf < leaves.end; leaf++) {
        const part = partOf(positions, leaf, microBatches);
        samples += part.end - part.start;
      }
      return Promise.resolve({ samples, lossSum: samples, correct: 0, gradient });
    },
    evaluate: () => Promise.reject(new Error('nothing to evaluate')),
    cancel: () => {},
    close: () => Promise.resolve(),
  };
  const computeOptions = { engine: 'auto' as const, threads: 1, dataDir: undefined, environment: {} };
  const maxBytes = maxMessageBytes(lessonModel.parameterCount);
  const connect = (signal: AbortSignal) =>
    dial({ url, codec: workerCodec, maxMessageBytes: maxBytes, signal, random: Math.random });
  await work({
    compute,
    computeOptions,
    connect,
    drain: new AbortController().signal,
    patienceMs: 10_000,
    log: (line) => console.error(line),
  });
}

function run(args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [...process.execArgv, ...nodeOptions(), SELF, ...args], {
    env: launchEnvironment(process.env),
    stdio: 'inherit',
  });
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`a process ended with ${code}`))));
  });
}
