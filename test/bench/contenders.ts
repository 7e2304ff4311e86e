import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RunEvent } from '@convoy/protocol/run-events';
import { EventTail } from '@convoy/cli/chaos/event-tail';
import { Convoy, summaryOf, type temporaryFolder } from '../support/convoy.ts';
import type { PeerPython } from './peers.ts';
import { BenchProcess, MEASURED_WITHIN_MS, run, within } from './processes.ts';
import { median } from './statistics.ts';
import { treeUsage, usagePerStep, type TreeUsage } from './tree-usage.ts';

/** Something that trains the lesson's CNN, or computes its gradients, with the same global batch. */
export interface Contender {
  readonly name: string;
  /** Processes and threads, for the table. */
  readonly resources: string;
  /** Why it can't be measured here, or null. */
  readonly leftOut: string | null;
  /** One measurement in fresh processes. @throws Error when it fails or hangs. */
  measure(): Promise<Measurement>;
}

export interface Measurement {
  readonly samplesPerSecond: number;
  /** Only trainings with Convoy have them. */
  readonly steps: TrainingSteps | null;
}

/** Of the timed steps of a training, per step. */
export interface TrainingSteps {
  readonly workers: number;
  /** The median. */
  readonly ms: number;
  /** Part of it in which the workers computed, the mean. */
  readonly busyShare: number;
  /** The server's in all, and one worker's; null where there is no /proc. */
  readonly used: TreeUsage | null;
}

export interface Load {
  readonly globalBatch: number;
  /** Steps that are timed, after some that are not. */
  readonly steps: number;
  readonly folder: ReturnType<typeof temporaryFolder>;
}

/** Of every contender that trains. */
const WARM_STEPS = 3;
/** Longer than a measurement takes on a slow machine. */
const CORES = availableParallelism();

/** Convoy as its users run it, on synthetic images. */
function convoyTrain(name: string, resources: string, load: Load, options: readonly string[]): Contender {
  let runs = 0;
  return {
    name,
    resources,
    leftOut: null,
    async measure() {
      const run = join(load.folder.path, `${name.replaceAll(' ', '-')}-${runs++}`);
      const steps = load.steps + WARM_STEPS;
      const settings = ['--validation-split', '0', '--checkpoint-every', '0', '--batch-size', String(load.globalBatch)];
      // One epoch of that many images: they need not be made first, nor tested long at the end.
      const images = ['--dataset', 'synthetic', '--synthetic-size', String(load.globalBatch * steps)];
      const size = [...images, '--steps', String(steps), '--run-dir', run, '--json'];
      const training = new Convoy(['train', ...settings, ...size, ...options]);
      const pid = training.process.pid!;
      const readings = new Map<number, TreeUsage | null>();
      const tail = new EventTail(join(run, 'events.jsonl'), (event) => {
        if (event.type === 'step') readings.set(event.step, treeUsage(pid));
      });
      try {
        summaryOf(await within(MEASURED_WITHIN_MS, name, training.finished));
      } finally {
        tail.close();
        training.process.kill();
      }
      const events = tail.events.filter((event): event is StepEvent => event.type === 'step');
      const timed = events.slice(WARM_STEPS);
      // The time of the step before is when the first timed one began.
      const seconds = (timed.at(-1)!.at - events[WARM_STEPS - 1]!.at) / 1000;
      const workers = timed.at(-1)!.workers;
      const [before, after] = [WARM_STEPS, steps].map((step) => readings.get(step) ?? null);
      const used = before && after && usagePerStep(before, after, timed.length, workers);
      return {
        samplesPerSecond: (load.globalBatch * load.steps) / seconds,
        steps: {
          workers,
          ms: median(timed.map(({ stepMs }) => stepMs)),
          busyShare: timed.reduce((sum, { busyShare }) => sum + busyShare, 0) / timed.length,
          used: used ?? null,
        },
      };
    },
  };
}

type StepEvent = Extract<RunEvent, { type: 'step' }>;

/** A bare loop of gradients: see gradient-loop.ts. */
export function gradientLoop(
  name: string,
  program: 'stock' | 'eager' | 'compiled',
  { processes, threads }: { readonly processes: number; readonly threads: number },
  seconds: number,
): Contender {
  const file = fileURLToPath(new URL('gradient-loop.ts', import.meta.url));
  const env = {
    TF_NUM_INTRAOP_THREADS: String(threads),
    TF_NUM_INTEROP_THREADS: String(threads),
    // As Convoy's processes have it; TensorFlow.js as it comes has the kernels that TensorFlow chooses.
    ...(program === 'stock' ? {} : { TF_ENABLE_ONEDNN_OPTS: '1' }),
  };
  return {
    name,
    resources: resourcesOf(processes, threads),
    leftOut: null,
    async measure() {
      const what = JSON.stringify({ program, threads, samples: 64, seconds });
      const loops = Array.from({ length: processes }, () => new BenchProcess(file, [what], env));
      try {
        await Promise.all(loops.map((loop) => loop.next()));
        // All are warm: they start together.
        for (const loop of loops) loop.go();
        const speeds = await Promise.all(loops.map((loop) => loop.next<{ samplesPerSecond: number }>()));
        return {
          samplesPerSecond: speeds.reduce((sum, { samplesPerSecond }) => sum + samplesPerSecond, 0),
          steps: null,
        };
      } finally {
        await Promise.all(loops.map((loop) => loop.end()));
      }
    },
  };
}

/** A program of the Python world, which prints its images per second. */
function peer(
  name: string,
  resources: string,
  script: string,
  { globalBatch, steps }: Load,
  { python, reason }: PeerPython,
): Contender {
  const file = fileURLToPath(new URL(`peers/${script}`, import.meta.url));
  return {
    name,
    resources,
    leftOut: python === null ? reason : null,
    async measure() {
      const size = ['--batch', String(globalBatch), '--steps', String(steps), '--warm', String(WARM_STEPS)];
      const stdout = await run(python!, [file, ...size]);
      const line = stdout.trim().split('\n').at(-1)!;
      const { samplesPerSecond } = JSON.parse(line) as { readonly samplesPerSecond?: number };
      if (samplesPerSecond === undefined) throw new Error(`${file} ended with ${line}, which has no samplesPerSecond`);
      return { samplesPerSecond, steps: null };
    },
  };
}

function resourcesOf(processes: number, threads: number): string {
  return `${processes} × ${threads} ${threads === 1 ? 'thread' : 'threads'}`;
}

/** Everything that is compared; of those that `python` can't run it is said why. */
export function contenders(load: Load, seconds: number, python: PeerPython): readonly Contender[] {
  const workers = (count: number) => ['--workers', String(count), '--threads', '1'];
  return [
    convoyTrain('convoy 1 worker', resourcesOf(1, 1), load, workers(1)),
    convoyTrain('convoy 2 workers', resourcesOf(2, 1), load, workers(2)),
    convoyTrain('convoy 2 workers, deterministic', resourcesOf(2, 1), load, [...workers(2), '--deterministic']),
    peer('Keras fit', resourcesOf(1, CORES), 'keras_fit.py', load, python),
    peer('PyTorch DDP, gloo', resourcesOf(2, 1), 'torch_ddp.py', load, python),
    peer('TensorFlow ParameterServerStrategy', `${resourcesOf(2, 1)} + server`, 'tf_parameter_server.py', load, python),
    convoyTrain('convoy one process', resourcesOf(1, CORES), load, ['--single', '--threads', String(CORES)]),
    convoyTrain('convoy 4 workers', resourcesOf(4, 1), load, workers(4)),
    gradientLoop('stock tfjs-node, gradients alone', 'stock', { processes: 1, threads: 1 }, seconds),
    gradientLoop('eager, gradients alone', 'eager', { processes: 1, threads: 1 }, seconds),
    gradientLoop('compiled, gradients alone', 'compiled', { processes: 1, threads: 1 }, seconds),
    gradientLoop('compiled, gradients alone, twice', 'compiled', { processes: 2, threads: 1 }, seconds),
  ];
}
