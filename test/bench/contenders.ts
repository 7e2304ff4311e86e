import { execFile, type ExecFileException } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RunEvent } from '@convoy/protocol/run-events';
import { convoy, eventsOf, summaryOf, temporaryFolder } from '../support/convoy.ts';
import { BenchProcess } from './processes.ts';

/** Something that trains the lesson's CNN, or computes its gradients, with the same global batch. */
export interface Contender {
  readonly name: string;
  /** Processes and threads, for the table. */
  readonly resources: string;
  /** Images per second of one measurement in fresh processes. */
  measure(): Promise<number>;
}

export interface Load {
  readonly globalBatch: number;
  /** Steps that are timed, after some that are not. */
  readonly steps: number;
  readonly folder: ReturnType<typeof temporaryFolder>;
}

const WARM_STEPS = 5;
const CORES = availableParallelism();

/** Convoy as its users run it, on synthetic images. */
export function convoyTrain(name: string, resources: string, load: Load, options: readonly string[]): Contender {
  let runs = 0;
  return {
    name,
    resources,
    async measure() {
      const run = join(load.folder.path, `${name.replaceAll(' ', '-')}-${runs++}`);
      const settings = ['--dataset', 'synthetic', '--validation-split', '0', '--checkpoint-every', '0'];
      const size = ['--batch-size', String(load.globalBatch), '--steps', String(load.steps + WARM_STEPS)];
      summaryOf(await convoy(['train', ...settings, ...size, '--run-dir', run, '--json', ...options]));
      const steps = eventsOf(run).filter((event): event is StepEvent => event.type === 'step');
      // The time of the step before is when the first timed one began.
      const seconds = (steps.at(-1)!.at - steps[WARM_STEPS - 1]!.at) / 1000;
      return (load.globalBatch * load.steps) / seconds;
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
  const env = { TF_NUM_INTRAOP_THREADS: String(threads), TF_NUM_INTEROP_THREADS: String(threads) };
  return {
    name,
    resources: resourcesOf(processes, threads),
    async measure() {
      const what = JSON.stringify({ program, threads, samples: 64, seconds });
      const loops = Array.from({ length: processes }, () => new BenchProcess(file, [what], env));
      try {
        await Promise.all(loops.map((loop) => loop.next()));
        // All are warm: they start together.
        for (const loop of loops) loop.go();
        const speeds = await Promise.all(loops.map((loop) => loop.next<{ imagesPerSecond: number }>()));
        return speeds.reduce((sum, { imagesPerSecond }) => sum + imagesPerSecond, 0);
      } finally {
        await Promise.all(loops.map((loop) => loop.end()));
      }
    },
  };
}

/** A program of the Python world, which prints its images per second. */
export function peer(
  name: string,
  resources: string,
  { python, script }: { readonly python: string; readonly script: string },
  { globalBatch, steps }: Load,
  options: readonly string[] = [],
): Contender {
  const file = fileURLToPath(new URL(`peers/${script}`, import.meta.url));
  return {
    name,
    resources,
    async measure() {
      const args = [file, '--batch', String(globalBatch), '--steps', String(steps), ...options];
      const { stdout } = await run(python, args);
      return (JSON.parse(stdout.trim().split('\n').at(-1)!) as { imagesPerSecond: number }).imagesPerSecond;
    },
  };
}

export function resourcesOf(processes: number, threads: number): string {
  return `${processes} × ${threads} ${threads === 1 ? 'thread' : 'threads'}`;
}

/** Everything that is compared; peers only where `python` has what they need. */
export function contenders(load: Load, seconds: number, python: string | null): readonly Contender[] {
  const workers = (count: number, threads = 1) => ['--workers', String(count), '--threads', String(threads)];
  const ours = [
    convoyTrain('convoy 1 worker', resourcesOf(1, 1), load, workers(1)),
    convoyTrain('convoy 2 workers', resourcesOf(2, 1), load, workers(2)),
    convoyTrain('convoy 2 workers, deterministic', resourcesOf(2, 1), load, [...workers(2), '--deterministic']),
    convoyTrain('convoy 4 workers', resourcesOf(4, 1), load, workers(4)),
    convoyTrain('convoy one process', resourcesOf(1, CORES), load, ['--single', '--threads', String(CORES)]),
    gradientLoop('stock tfjs-node, gradients alone', 'stock', { processes: 1, threads: 1 }, seconds),
    gradientLoop('eager, gradients alone', 'eager', { processes: 1, threads: 1 }, seconds),
    gradientLoop('compiled, gradients alone', 'compiled', { processes: 1, threads: 1 }, seconds),
    gradientLoop('compiled, gradients alone, twice', 'compiled', { processes: 2, threads: 1 }, seconds),
  ];
  if (python === null) return ours;
  return [
    ...ours,
    peer('Keras fit', resourcesOf(1, CORES), { python, script: 'keras_fit.py' }, load),
    peer('PyTorch DDP, gloo', resourcesOf(2, 1), { python, script: 'torch_ddp.py' }, load),
    peer(
      'TensorFlow ParameterServerStrategy',
      `${resourcesOf(2, 1)} + server`,
      { python, script: 'tf_parameter_server.py' },
      load,
    ),
  ];
}

export function run(
  program: string,
  args: readonly string[],
): Promise<{ readonly stdout: string; readonly stderr: string }> {
  return new Promise((resolve, reject) =>
    execFile(program, args, { maxBuffer: 1 << 24 }, (error: ExecFileException | null, stdout, stderr) =>
      error === null
        ? resolve({ stdout, stderr })
        : reject(new Error(`${args.join(' ')}:\n${stderr || error.message}`)),
    ),
  );
}
