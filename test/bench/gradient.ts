// npx tsx test/bench/gradient.ts [--processes 1] [--threads 1] [--batch 64] [--rounds 3] [--seconds 5]
//
// Images per second of a bare loop of gradients of the lesson's CNN with dropout, without a cluster around it:
//   stock     TensorFlow.js as it comes
//   eager     operation by operation with our kernels: EagerProgram
//   compiled  one graph per gradient: CompiledProgram
// Each measurement is a fresh process with the environment of Convoy's own, in turn, so that a machine whose speed drifts is
// compared with itself; `--processes 2` runs two at once and adds them up. "best" is of the fastest single gradient; images
// per second of CPU time hardly change when others use the machine.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { lessonModel } from '@convoy/cifar10/architecture';
import { compile } from '@convoy/cifar10/compiled/compile';
import { EagerProgram } from '@convoy/cifar10/eager-program';
import type { Engine } from '@convoy/cifar10/engine/engine';
import { loadEngine } from '@convoy/cifar10/engine/load';
import { stockKernels } from '@convoy/cifar10/engine/stock-kernels';
import { initialValues } from '@convoy/cifar10/initial-values';
import type { Program } from '@convoy/cifar10/program';
import { launchEnvironment, nodeOptions } from '@convoy/infra/launch';
import { purposes } from '@convoy/random/purposes';
import { randomStream } from '@convoy/random/stream';

const { values: options } = parseArgs({
  options: {
    processes: { type: 'string', default: '1' },
    threads: { type: 'string', default: '1' },
    batch: { type: 'string', default: '64' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '5' },
    /** Set in the processes that this one starts. */
    measure: { type: 'string' },
  },
});
const { threads } = options;
const samples = Number(options.batch);

const PROGRAMS: Readonly<Record<string, (engine: Engine) => Program>> = {
  stock: (engine) => new EagerProgram(stock(engine), lessonModel),
  eager: (engine) => new EagerProgram(engine, lessonModel),
  compiled: (engine) => compile(engine, lessonModel, join(tmpdir(), 'convoy-bench')),
};

interface Speed {
  readonly imagesPerSecond: number;
  readonly best: number;
  /** CPU seconds per second. */
  readonly cores: number;
}

if (options.measure === undefined) await compare();
else await measure(PROGRAMS[options.measure]!);

async function compare(): Promise<void> {
  const speeds = new Map<string, Speed[]>(Object.keys(PROGRAMS).map((name) => [name, []]));
  for (let round = 0; round < Number(options.rounds); round++) {
    for (const [name, seen] of speeds) seen.push(await inProcesses(name));
  }
  const stockSpeed = median(speeds.get('stock')!.map(({ imagesPerSecond }) => imagesPerSecond));
  console.log(`${options.processes} process(es), ${threads} thread(s) each, batch ${samples}, images/s`);
  for (const [name, seen] of speeds) {
    const all = seen.map(({ imagesPerSecond }) => imagesPerSecond);
    const column = (value: number) => value.toFixed(0).padStart(5);
    console.log(
      name.padEnd(9),
      `median ${column(median(all))} (${(median(all) / stockSpeed).toFixed(2)})  of ${all.map(column).join(' ')}`,
      ` best ${column(Math.max(...seen.map(({ best }) => best)))}`,
      ` per CPU second ${column(median(seen.map((speed) => speed.imagesPerSecond / speed.cores)))}`,
    );
  }
}

/** Measures `name` in as many processes at once as asked for. */
async function inProcesses(name: string): Promise<Speed> {
  const children = Array.from({ length: Number(options.processes) }, () => {
    const args = [...nodeOptions(), fileURLToPath(import.meta.url), '--measure', name];
    for (const option of ['threads', 'batch', 'seconds'] as const) args.push(`--${option}`, options[option]);
    const env = { ...process.env, TF_NUM_INTRAOP_THREADS: threads, TF_NUM_INTEROP_THREADS: threads };
    return spawn(process.execPath, args, { env: launchEnvironment(env), stdio: ['pipe', 'pipe', 'ignore'] });
  });
  const lines = children.map((child) => createInterface({ input: child.stdout! })[Symbol.asyncIterator]());
  const nextLine = async (line: (typeof lines)[number]) => {
    const { value, done } = await line.next();
    if (done) throw new Error(`a process that measures ${name} ended early`);
    return value;
  };
  await Promise.all(lines.map(nextLine));
  // All are warm: they start together.
  for (const child of children) child.stdin!.end('go\n');
  const speeds = (await Promise.all(lines.map(nextLine))).map((line) => JSON.parse(line) as Speed);
  const sum = (of: (speed: Speed) => number) => speeds.reduce((total, speed) => total + of(speed), 0);
  return { imagesPerSecond: sum((s) => s.imagesPerSecond), best: sum((s) => s.best), cores: sum((s) => s.cores) };
}

async function measure(create: (engine: Engine) => Program): Promise<void> {
  const engine = await loadEngine({ engine: 'tensorflow', threads: Number(threads), onFallback: () => {} });
  const program = create(engine);
  const random = randomStream(1, purposes.selfTest);
  const batch = {
    images: Float32Array.from({ length: samples * 32 * 32 * 3 }, () => random.unit()),
    labels: Int32Array.from({ length: samples }, () => random.below(10)),
  };
  const gradient = new Float32Array(lessonModel.parameterCount);
  program.setParameters(initialValues(lessonModel, 1));
  const compute = (step: number) =>
    program.gradient(
      batch,
      { seed: 1, epoch: 0, positions: { start: step * samples, end: (step + 1) * samples } },
      gradient,
    );
  for (let step = 0; step < 10; step++) compute(step);
  console.log('warm');
  await once(process.stdin, 'data');

  const cpu = process.cpuUsage();
  const start = performance.now();
  const times: number[] = [];
  while (performance.now() - start < Number(options.seconds) * 1000) {
    const before = performance.now();
    compute(times.length);
    times.push(performance.now() - before);
  }
  const elapsed = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  const speed: Speed = {
    imagesPerSecond: (times.length * samples * 1000) / elapsed,
    best: (samples * 1000) / Math.min(...times),
    cores: (user + system) / 1000 / elapsed,
  };
  console.log(JSON.stringify(speed));
  program.dispose();
}

/** The engine without what we have added to it. */
function stock(engine: Engine): Engine {
  const { tf } = engine;
  tf.unregisterGradient('Relu');
  tf.registerGradient({
    kernelName: 'Relu',
    inputsToSave: ['x'],
    gradFunc: (dy, saved) => ({ x: () => tf.mul(dy as never, tf.cast(tf.step(saved[0]!), 'float32')) }),
  });
  return { ...engine, kernels: stockKernels(tf) };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
