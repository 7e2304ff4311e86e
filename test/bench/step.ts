// npx tsx test/bench/step.ts [--workers 1,2,4] [--parameters 904718] [--steps 100] [--rounds 3] [--raw | --bfloat16]
//
// What a step costs outside the gradient: the real parameter server and the real worker's loop, over real sockets between
// processes, with a compute that answers at once; with --raw beside a bare `net` server that does the same, with
// --bfloat16 beside itself with gradients of half the bytes.
import { parseArgs } from 'node:util';
import { median, ratios } from './statistics.ts';
import { DEFAULT_WARM_STEPS, convoyStep, rawStep, type StepBench, type StepCost } from './step-bench.ts';

const { values: options } = parseArgs({
  options: {
    workers: { type: 'string', default: '1,2' },
    parameters: { type: 'string', default: '904718' },
    steps: { type: 'string', default: '100' },
    rounds: { type: 'string', default: '1' },
    raw: { type: 'boolean', default: false },
    bfloat16: { type: 'boolean', default: false },
  },
});

for (const workers of options.workers.split(',').map(Number)) {
  const bench: StepBench = {
    workers,
    parameters: Number(options.parameters),
    steps: Number(options.steps),
    warmSteps: DEFAULT_WARM_STEPS,
  };
  const ours: StepCost[] = [];
  /** The other, in turn with ours. */
  const beside: StepCost[] = [];
  for (let round = 0; round < Number(options.rounds); round++) {
    ours.push(await convoyStep(bench));
    if (options.raw) beside.push(await rawStep(bench));
    else if (options.bfloat16) beside.push(await convoyStep({ ...bench, gradientFormat: 'bfloat16' }));
  }
  const stepMs = (costs: readonly StepCost[]) => costs.map(({ ms }) => median(ms));
  const figure = (of: (cost: StepCost) => number) => median(ours.map(of)).toFixed(1);
  const line = [
    `${workers} workers: step ${median(stepMs(ours)).toFixed(1)} ms`,
    `processor time server ${figure(({ server }) => server.cpuMs)}, worker ${figure(({ worker }) => worker.cpuMs)} ms`,
    `page faults server ${figure(({ server }) => server.pageFaults)}, worker ${figure(({ worker }) => worker.pageFaults)}`,
  ];
  const again = ours.reduce((sum, { leasedAgain }) => sum + leasedAgain, 0);
  if (again > 0) line.push(`${again} leased again`);
  if (beside.length > 0) {
    const cpu = (of: (cost: StepCost) => number) => median(beside.map(of)).toFixed(1);
    const ratio = (a: readonly StepCost[], b: readonly StepCost[]) => median(ratios(stepMs(a), stepMs(b))).toFixed(2);
    const name = options.raw
      ? `raw sockets, ratio to them ${ratio(ours, beside)}`
      : `bfloat16, its ratio ${ratio(beside, ours)}`;
    line.push(
      `${name}: step ${median(stepMs(beside)).toFixed(1)} ms`,
      `their processor time server ${cpu(({ server }) => server.cpuMs)}, worker ${cpu(({ worker }) => worker.cpuMs)} ms`,
    );
  }
  console.log(line.join('; '));
}
