// tsx test/bench/step-server.ts '{"steps":100,"warmSteps":20,"workers":2,"parameters":904718}'
//
// The real parameter server for so many steps, without a model: says in one line of JSON where it listens, and in another
// what its steps cost.
import { join } from 'node:path';
import { Parameters } from '@convoy/server/parameters';
import { RunFigures } from '@convoy/training/figures';
import { RunFolder } from '@convoy/run-store/run-folder';
import { openDoor } from '@convoy/server/serve';
import { ParameterServer } from '@convoy/server/server';
import { systemClock } from '@convoy/server/clock';
import type { RunEvent } from '@convoy/protocol/run-events';
import { createOptimizer } from '@convoy/training/optimizer/optimizer';
import { planRun } from '@convoy/training/sampling';
import { temporaryFolder } from '../support/convoy.ts';
import { machineCpuMs } from './machine-time.ts';
import { countUsage, type Usage } from './processes.ts';
import { DATASET, DIGEST, stepConfig, type ServerReport, type StepBench } from './step-bench.ts';

const bench = JSON.parse(process.argv[2]!) as StepBench;
const folder = temporaryFolder();
const config = stepConfig(bench);
const plan = planRun(config, DATASET);
const stepMs: number[] = [];
let sinceWarm: () => Usage = countUsage();
let used = sinceWarm();
let machineMs = { warm: machineCpuMs(), end: machineCpuMs() };
const rssByTenth: number[] = [];
const tenth = Math.ceil(plan.totalSteps / 10);
let lastMs = 0;
let leasedAgain = 0;
function note(event: RunEvent): void {
  if (event.type === 'leased-again') leasedAgain++;
  if (event.type !== 'step') return;
  const nowMs = performance.now();
  if (event.step === bench.warmSteps) {
    sinceWarm = countUsage();
    machineMs = { ...machineMs, warm: machineCpuMs() };
  }
  if (event.step > bench.warmSteps) stepMs.push(nowMs - lastMs);
  if (event.step % tenth === 0) rssByTenth.push(process.memoryUsage.rss());
  // Before the run's end, which hashes the parameters and writes them to a file.
  if (event.step === plan.totalSteps) {
    used = sinceWarm();
    machineMs = { ...machineMs, end: machineCpuMs() };
  }
  lastMs = nowMs;
}

const runFolder = new RunFolder(join(folder.path, 'run'), config, () => {});
const server = new ParameterServer({
  context: {
    identity: { run: 'bench', incarnation: '1' },
    config,
    layout: {
      plan,
      model: { hash: DIGEST, parameterCount: bench.parameters, trainableCount: bench.parameters, tensors: [] },
      dataFingerprint: DIGEST,
    },
    report: (fact) => {
      const event = { at: systemClock.now(), ...fact };
      runFolder.log(event);
      note(event);
    },
    clock: systemClock,
  },
  folder: runFolder,
  parameters: new Parameters(
    new Float32Array(bench.parameters).fill(0.01),
    createOptimizer(config.optimizer, { tensors: [] }),
  ),
  figures: new RunFigures('bench', plan),
  checkpoints: null,
  coordinator: { minWorkers: bench.workers },
});
const { listener, letIn } = await openDoor({ host: '127.0.0.1', port: 0, parameterCount: bench.parameters });
letIn(server);
console.log(JSON.stringify(listener.port));
await server.ended;
const rssBytes = 1024 * process.resourceUsage().maxRSS;
const { warm, end } = machineMs;
const report: ServerReport = {
  stepMs,
  ...used,
  rssBytes,
  rssByTenth,
  machineCpuMs: warm === null || end === null ? null : end - warm,
  leasedAgain,
};
console.log(JSON.stringify(report));
await listener.close();
folder.remove();
