// tsx test/bench/step-worker.ts '{"steps":100,"warmSteps":20,"workers":2,"parameters":904718}' PORT SESSIONS
//
// The real worker's loop, as often as asked for in one process, with a compute that answers at once. Says in one line of
// JSON what it cost.
import { copyFloat32 } from '@convoy/protocol/tensor';
import { maxMessageBytes } from '@convoy/protocol/messages';
import type { RunConfig } from '@convoy/protocol/run-config';
import { leavesOf } from '@convoy/numerics/blocks';
import { gradientArithmetic } from '@convoy/numerics/gradient-arithmetic';
import { planRun, partOf, planStep } from '@convoy/training/sampling';
import { dial } from '@convoy/transport/dial';
import type { Compute } from '@convoy/worker/compute/compute';
import { work, workerCodec } from '@convoy/worker/work';
import { countUsage, type Usage } from './processes.ts';
import { DATASET, DIGEST, stepConfig, type StepBench, type WorkerReport } from './step-bench.ts';

const bench = JSON.parse(process.argv[2]!) as StepBench;
const [port, sessions] = process.argv.slice(3).map(Number) as [number, number];
let used: (() => Usage) | null = null;
// Shared, as they are between a worker's threads.
const values = new Float32Array(new SharedArrayBuffer(bench.parameters * 4));
for (let i = 0; i < values.length; i++) values[i] = Math.sin(i) / 1000;
const arithmetic = gradientArithmetic(stepConfig(bench).gradientFormat, {
  parameterCount: bench.parameters,
  trainableCount: bench.parameters,
});
arithmetic.round(values);
const gradient = arithmetic.pack(values);
/** Where all of this process's workers copy their parameters: nobody computes with them. */
const parameters = new Float32Array(new SharedArrayBuffer(bench.parameters * 4));

/** Everything but TensorFlow. */
function instantCompute(): Compute {
  let config: RunConfig;
  return {
    tensors: 0,
    open: () => Promise.resolve({ name: 'none', version: '0', threads: 1, warning: null }),
    prepare: (given) => {
      config = given;
      const digests = { modelHash: DIGEST, dataFingerprint: DIGEST, numericsFingerprint: DIGEST };
      return Promise.resolve({ ...digests, dataset: DATASET, parameterCount: bench.parameters, note: null });
    },
    setParameters: (_, values) => copyFloat32(values, parameters),
    gradient: ({ step, block }) => {
      if (step >= bench.warmSteps) used ??= countUsage();
      const { positions, microBatches } = planStep(step, config, planRun(config, DATASET));
      const leaves = leavesOf(block, microBatches);
      let samples = 0;
      for (let leaf = leaves.start; leaf < leaves.end; leaf++) {
        const part = partOf(positions, leaf, microBatches);
        samples += part.end - part.start;
      }
      return Promise.resolve({ samples, lossSum: samples, metricSum: 0, gradient });
    },
    evaluate: () => Promise.reject(new Error('nothing to evaluate')),
    cancel: () => {},
    close: () => Promise.resolve(),
  };
}

await Promise.all(
  Array.from({ length: sessions }, () =>
    work({
      compute: instantCompute(),
      computeOptions: { engine: 'auto', threads: 1, dataDir: undefined, environment: {} },
      connect: (signal) =>
        dial({
          url: `ws://127.0.0.1:${port}`,
          codec: workerCodec,
          maxMessageBytes: maxMessageBytes(bench.parameters),
          signal,
          random: Math.random,
        }),
      drain: new AbortController().signal,
      patienceMs: 120_000,
      log: () => {},
    }),
  ),
);
const rssBytes = 1024 * process.resourceUsage().maxRSS;
// Where steps are short, others may have taken all that there was.
const usage = used === null ? { cpuMs: 0, pageFaults: 0 } : (used as () => Usage)();
console.log(JSON.stringify({ ...usage, rssBytes } satisfies WorkerReport));
