// npm run bench [-- --rounds 5 --steps 40 --only NAME …]
//
// Trains the lesson's CNN with Convoy and with its peers, and steps a server whose workers compute nothing beside bare
// sockets: every round measures each once, in fresh processes and in turn, and ratios are taken within a round. Then what the
// server's arithmetic costs, beside a copy of the same memory. Writes reports/bench/bench.{md,json,svg}; docs/performance.md
// says how to read them. What fails is named, and the others go on.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { lessonModel } from '@convoy/cifar10/models';
import { temporaryFolder } from '../support/convoy.ts';
import { measureArithmetic } from './arithmetic.ts';
import { contenders, gradientLoop, type Contender, type TrainingSteps } from './contenders.ts';
import { goalsOf, type ContenderResult, type StepResult } from './goals.ts';
import { describeMachine } from './machine.ts';
import { peerPython } from './peers.ts';
import { plot } from './plot.ts';
import { report, type BenchResult } from './report.ts';
import type { Measured } from './statistics.ts';
import { DEFAULT_WARM_STEPS, convoyStep, rawStep, type StepBench, type StepCost } from './step-bench.ts';

const program = new Command('bench')
  .option('--rounds <n>', 'measurements of each', Number, 3)
  .option('--steps <n>', 'timed steps of a training (default: about ten seconds of two workers)', Number)
  .option('--seconds <n>', 'length of a loop of gradients', Number, 4)
  .option('--batch <n>', 'global batch', Number, 256)
  .option('--empty-steps <n>', 'timed steps without computing', Number, 60)
  .option(
    '--only <text...>',
    'only what has one of these texts in its name; "empty steps" and "arithmetic" are names too',
  )
  .option('--no-peers', 'without Keras, PyTorch and TensorFlow')
  .parse();
const flags = program.opts<{
  rounds: number;
  steps?: number;
  seconds: number;
  batch: number;
  emptySteps: number;
  only?: string[];
  peers: boolean;
}>();

/** Long enough to be timed, on a machine of whatever speed. */
const TIMED_MS = 10_000;
const LEAST_STEPS = 8;
const MOST_STEPS = 40;

const startedMs = performance.now();
const say = (line: string) => console.error(`${minutes().toFixed(1)} min  ${line}`);
const isWanted = (name: string) => flags.only === undefined || flags.only.some((text) => name.includes(text));
const folder = temporaryFolder();
const python = flags.peers ? await peerPython(say) : ({ python: null, reason: '--no-peers' } as const);
const steps = flags.steps ?? (await stepsForThisMachine());
const load = { globalBatch: flags.batch, steps, folder };

interface Entry {
  readonly contender: Contender;
  readonly measured: Measured[];
  readonly steps: TrainingSteps[];
  reason: string | null;
}
interface EmptySteps {
  readonly name: string;
  readonly bench: StepBench;
  readonly convoy: (StepCost | null)[];
  readonly raw: (StepCost | null)[];
  reason: string | null;
}

const entries = contenders(load, flags.seconds, python)
  .filter(({ name }) => isWanted(name))
  .map((contender): Entry => ({ contender, measured: [], steps: [], reason: contender.leftOut }));
for (const { contender, reason } of entries) if (reason !== null) say(`${contender.name} is left out: ${reason}`);
const emptySteps = [1, 2, 4]
  .map((workers): EmptySteps => {
    const size = { steps: flags.emptySteps, warmSteps: DEFAULT_WARM_STEPS, parameters: lessonModel.parameterCount };
    return { name: `empty steps, ${workers}`, bench: { workers, ...size }, convoy: [], raw: [], reason: null };
  })
  .filter(({ name }) => isWanted(name));

for (let round = 1; round <= flags.rounds; round++) {
  const turns = [
    ...entries.filter(({ contender }) => contender.leftOut === null).map((entry) => () => train(entry, round)),
    ...emptySteps.map((entry) => () => step(entry, round)),
  ];
  // Back and forth: a machine that slows down steadily favours nobody.
  for (const turn of round % 2 === 1 ? turns : turns.toReversed()) await turn();
}
folder.remove();

const contenderResults = entries.map(({ contender: { name, resources }, ...rest }): ContenderResult => ({
  name,
  resources,
  ...rest,
}));
const stepResults = emptySteps.map(({ bench, convoy, raw, reason }): StepResult => ({
  workers: bench.workers,
  convoy,
  raw,
  reason,
}));
const result: BenchResult = {
  machine: describeMachine(),
  globalBatch: flags.batch,
  steps,
  rounds: flags.rounds,
  minutes: minutes(),
  goals: goalsOf(contenderResults, stepResults),
  contenders: contenderResults,
  emptySteps: stepResults,
  arithmetic: isWanted('arithmetic') ? measureArithmetic() : [],
};
const target = fileURLToPath(new URL('../../reports/bench/', import.meta.url));
mkdirSync(target, { recursive: true });
const text = report(result);
writeFileSync(join(target, 'bench.md'), text);
writeFileSync(join(target, 'bench.json'), `${JSON.stringify(result, null, 2)}\n`);
writeFileSync(join(target, 'bench.svg'), plot(result));
console.log(text);
say(`written to ${target}`);

function minutes(): number {
  return (performance.now() - startedMs) / 60_000;
}

async function train(entry: Entry, round: number): Promise<void> {
  const { contender, measured, steps } = entry;
  const measurement = await attempt(entry, contender.name, round, () => contender.measure());
  measured.push(measurement && measurement.samplesPerSecond);
  if (measurement === null) return;
  if (measurement.steps !== null) steps.push(measurement.steps);
  say(`round ${round}: ${contender.name} ${measurement.samplesPerSecond.toFixed(0)} images/s`);
}

async function step(entry: EmptySteps, round: number): Promise<void> {
  const { name, bench, convoy, raw } = entry;
  convoy.push(await attempt(entry, name, round, () => convoyStep(bench)));
  raw.push(await attempt(entry, `${name}, raw sockets`, round, () => rawStep(bench)));
  say(`round ${round}: ${name} workers, measured`);
}

/** Null when it fails, which is told and kept. */
async function attempt<Value>(
  entry: { reason: string | null },
  name: string,
  round: number,
  measure: () => Promise<Value>,
): Promise<Value | null> {
  try {
    return await measure();
  } catch (error) {
    const reason = (error as Error).message.trim().split('\n').at(-1)!;
    entry.reason = `failed in round ${round}: ${reason}`;
    say(`round ${round}: ${name} failed: ${(error as Error).message}`);
    return null;
  }
}

/** From the speed of one core, as measured now. */
async function stepsForThisMachine(): Promise<number> {
  const one = gradientLoop('one core', 'compiled', { processes: 1, threads: 1 }, 2);
  const speed = await attempt({ reason: null }, one.name, 0, () => one.measure());
  if (speed === null) return LEAST_STEPS;
  const { samplesPerSecond } = speed;
  const steps = Math.round((TIMED_MS / 1000) * 2 * (samplesPerSecond / flags.batch));
  say(`one core computes ${samplesPerSecond.toFixed(0)} images/s`);
  return Math.min(MOST_STEPS, Math.max(LEAST_STEPS, steps));
}
