// npx tsx test/bench/gradient.ts [--processes 1] [--threads 1] [--batch 64] [--rounds 3] [--seconds 5]
//
// Images per second of a bare loop of gradients: stock TensorFlow.js, our eager program and the compiled one, in fresh
// processes and in turn, so that a machine whose speed drifts is compared with itself; `--processes 2` adds two up.
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Loop, LoopSpeed } from './gradient-loop.ts';
import { BenchProcess } from './processes.ts';
import { median, ratios } from './statistics.ts';

const { values: options } = parseArgs({
  options: {
    processes: { type: 'string', default: '1' },
    threads: { type: 'string', default: '1' },
    batch: { type: 'string', default: '64' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '5' },
  },
});
const { threads } = options;
const names = ['stock', 'eager', 'compiled'] as const;
const speeds = new Map<Loop['program'], LoopSpeed[]>(names.map((name) => [name, []]));
for (let round = 0; round < Number(options.rounds); round++) {
  for (const [name, seen] of speeds) seen.push(await inProcesses(name));
}
const imagesOf = (name: Loop['program']) => speeds.get(name)!.map(({ samplesPerSecond }) => samplesPerSecond);
console.log(`${options.processes} process(es), ${threads} thread(s) each, batch ${options.batch}, images/s`);
for (const [name, seen] of speeds) {
  const column = (value: number) => value.toFixed(0).padStart(5);
  console.log(
    name.padEnd(9),
    `median ${column(median(imagesOf(name)))} (${median(ratios(imagesOf(name), imagesOf('stock'))).toFixed(2)})`,
    ` of ${imagesOf(name).map(column).join(' ')}  best ${column(Math.max(...seen.map(({ best }) => best)))}`,
    ` per CPU second ${column(median(seen.map(({ samplesPerCpuSecond }) => samplesPerCpuSecond)))}`,
  );
}

/** Measures in as many processes at once as asked for, and adds them up. */
async function inProcesses(program: Loop['program']): Promise<LoopSpeed> {
  const loop: Loop = {
    program,
    threads: Number(threads),
    samples: Number(options.batch),
    seconds: Number(options.seconds),
  };
  const file = fileURLToPath(new URL('gradient-loop.ts', import.meta.url));
  const env = {
    TF_NUM_INTRAOP_THREADS: threads,
    TF_NUM_INTEROP_THREADS: threads,
    // As Convoy's processes have it; TensorFlow.js as it comes has the kernels that TensorFlow chooses.
    ...(program === 'stock' ? {} : { TF_ENABLE_ONEDNN_OPTS: '1' }),
  };
  const loops = Array.from(
    { length: Number(options.processes) },
    () => new BenchProcess(file, [JSON.stringify(loop)], env),
  );
  await Promise.all(loops.map((each) => each.next()));
  for (const each of loops) each.go();
  const all = await Promise.all(loops.map((each) => each.next<LoopSpeed>()));
  const total = (of: (speed: LoopSpeed) => number) => all.reduce((sum, speed) => sum + of(speed), 0);
  return {
    samplesPerSecond: total(({ samplesPerSecond }) => samplesPerSecond),
    best: total(({ best }) => best),
    samplesPerCpuSecond: total(({ samplesPerCpuSecond }) => samplesPerCpuSecond) / all.length,
    images: total(({ images }) => images),
  };
}
