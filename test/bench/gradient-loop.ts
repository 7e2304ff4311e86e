// tsx test/bench/gradient-loop.ts '{"program":"compiled","threads":1,"samples":64,"seconds":5}'
//
// A bare loop of gradients of the lesson's CNN with dropout, without a cluster around it. Says in a line that it is warm,
// waits for one on its input, and says in another how fast it was.
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lessonModel } from '@convoy/cifar10/models';
import { compile } from '@convoy/engine/compiled/compile';
import { IMAGE_BYTES } from '@convoy/model/dataset';
import { EagerProgram } from '@convoy/engine/eager-program';
import type { Engine } from '@convoy/engine/backends/engine';
import { loadEngine } from '@convoy/engine/backends/load';
import { composedKernels } from '@convoy/engine/backends/composed-kernels';
import { initialValues } from '@convoy/model/initial-values';
import type { Program } from '@convoy/engine/program';
import { purposes } from '@convoy/numerics/random/purposes';
import { randomStream } from '@convoy/numerics/random/stream';
import { countUsage } from './processes.ts';

export interface Loop {
  /** stock: TensorFlow.js as it comes. eager: with our kernels. compiled: one graph per gradient. */
  readonly program: 'stock' | 'eager' | 'compiled';
  readonly threads: number;
  readonly samples: number;
  readonly seconds: number;
}

export interface LoopSpeed {
  readonly samplesPerSecond: number;
  /** Of the fastest single gradient. */
  readonly best: number;
  /** Hardly changes when others use the machine. */
  readonly samplesPerCpuSecond: number;
  readonly images: number;
}

/** TensorFlow prepares its plan with the first, and V8 compiles ours. */
const WARM_GRADIENTS = 4;
const PROGRAMS: Readonly<Record<Loop['program'], (engine: Engine) => Program>> = {
  stock: (engine) => new EagerProgram(stock(engine), lessonModel),
  eager: (engine) => new EagerProgram(engine, lessonModel),
  compiled: (engine) => compile(engine, lessonModel, join(tmpdir(), 'convoy-bench')),
};

const { program: name, threads, samples, seconds } = JSON.parse(process.argv[2]!) as Loop;
const engine = await loadEngine({ engine: 'tensorflow', threads, onFallback: () => {} });
const program = PROGRAMS[name](engine);
const random = randomStream(1, purposes.selfTest);
const batch = {
  inputs: Uint8Array.from({ length: samples * IMAGE_BYTES }, () => random.below(256)),
  labels: Int32Array.from({ length: samples }, () => random.below(10)),
};
const gradient = new Float32Array(lessonModel.parameterCount);
program.setParameters(initialValues(lessonModel, 1));
const compute = (step: number) => {
  const positions = { start: step * samples, end: (step + 1) * samples };
  program.gradient(batch, { seed: 1, epoch: 0, positions }, gradient);
};
for (let step = 0; step < WARM_GRADIENTS; step++) compute(step);
console.log('{}');
await once(process.stdin, 'data');

const used = countUsage();
const start = performance.now();
const times: number[] = [];
while (performance.now() - start < seconds * 1000) {
  const before = performance.now();
  compute(times.length);
  times.push(performance.now() - before);
}
const images = times.length * samples;
const speed: LoopSpeed = {
  samplesPerSecond: (images * 1000) / (performance.now() - start),
  best: (samples * 1000) / Math.min(...times),
  samplesPerCpuSecond: (images * 1000) / used().cpuMs,
  images,
};
console.log(JSON.stringify(speed));
process.exit(0);

/** The engine without what we have added to it. */
function stock(engine: Engine): Engine {
  const { tf } = engine;
  tf.unregisterGradient('Relu');
  tf.registerGradient({
    kernelName: 'Relu',
    inputsToSave: ['x'],
    gradFunc: (dy, saved) => ({ x: () => tf.mul(dy as never, tf.cast(tf.step(saved[0]!), 'float32')) }),
  });
  return { ...engine, kernels: composedKernels(tf) };
}
