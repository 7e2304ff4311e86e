// npx tsx test/bench/profile.ts [--threads 1] [--batch 64] [--seconds 6] [--rounds 2]
//
// Where a gradient's time goes: oneDNN's own times per primitive, as it tells them with ONEDNN_VERBOSE=1, beside the whole of
// a bare loop of gradients. For stock TensorFlow.js, our kernels and the compiled graph, without and with oneDNN's
// convolutions (TF_ENABLE_ONEDNN_OPTS=0 is what TensorFlow chooses without AVX-512). Milliseconds per image, of the round
// that others disturbed least.
import { parseArgs } from 'node:util';
import type { Loop } from './gradient-loop.ts';
import { profileLoop, type LoopProfile } from './loop-profile.ts';
import { table } from './table.ts';

const { values: options } = parseArgs({
  options: {
    threads: { type: 'string', default: '1' },
    batch: { type: 'string', default: '64' },
    seconds: { type: 'string', default: '6' },
    rounds: { type: 'string', default: '2' },
  },
});
const settings = [
  { name: 'TF_ENABLE_ONEDNN_OPTS=0', env: { TF_ENABLE_ONEDNN_OPTS: '0' } },
  { name: 'TF_ENABLE_ONEDNN_OPTS=1', env: { TF_ENABLE_ONEDNN_OPTS: '1' } },
];
const cases = settings.flatMap(({ name, env }) =>
  (['stock', 'eager', 'compiled'] as const).map((program) => ({ name, env, program, seen: [] as LoopProfile[] })),
);
for (let round = 0; round < Number(options.rounds); round++) {
  for (const { program, env, seen } of cases) {
    const loop: Loop = {
      program,
      threads: Number(options.threads),
      samples: Number(options.batch),
      seconds: Number(options.seconds),
    };
    seen.push(await profileLoop(loop, env));
  }
}
const rows = cases.map(({ name, program, seen }) => {
  const { ms, cpuMs, kernels } = seen.reduce((best, one) => (one.ms < best.ms ? one : best));
  const inKernels = Object.values(kernels).reduce((sum, kernelMs) => sum + kernelMs, 0);
  return [
    program,
    name,
    ms.toFixed(2),
    cpuMs.toFixed(2),
    Object.entries(kernels)
      .map(([kind, kernelMs]) => `${kind} ${kernelMs.toFixed(2)}`)
      .join(', '),
    (ms - inKernels).toFixed(2),
    `${((100 * inKernels) / ms).toFixed(0)} %`,
  ];
});
console.log(
  table(['program', 'kernels', 'ms per image', 'CPU', 'of it in oneDNN', 'outside', 'share of oneDNN'], rows),
);
