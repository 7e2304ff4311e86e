// npm run bench [-- --rounds 5 --steps 40 --only NAME …]
//
// Trains the lesson's CNN with Convoy and with its peers, side by side: every round measures each contender once, in fresh
// processes and in turn, and ratios are taken within a round. Then what a step costs without computing, beside bare
// sockets, and what the server's arithmetic costs, beside a copy of the same memory. Writes reports/bench/bench.{md,json,svg}.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { temporaryFolder } from '../support/convoy.ts';
import { measureArithmetic } from './arithmetic.ts';
import { contenders, type Contender } from './contenders.ts';
import { describeMachine } from './machine.ts';
import { peerPython } from './peers.ts';
import { plot } from './plot.ts';
import { report, type BenchResult, type StepResult } from './report.ts';
import { convoyStep, rawStep } from './step-bench.ts';
import { lessonModel } from '@convoy/cifar10/models';

const program = new Command('bench')
  .option('--rounds <n>', 'measurements of each contender', Number, 5)
  .option('--steps <n>', 'timed steps of a training', Number, 30)
  .option('--seconds <n>', 'length of a loop of gradients', Number, 4)
  .option('--batch <n>', 'global batch', Number, 256)
  .option('--only <text...>', 'contenders whose names have one of these texts; no other part')
  .option('--no-peers', 'without Keras, PyTorch and TensorFlow')
  .parse();
const flags = program.opts<{
  rounds: number;
  steps: number;
  seconds: number;
  batch: number;
  only?: string[];
  peers: boolean;
}>();

const say = (line: string) => console.error(line);
const folder = temporaryFolder();
const python = flags.peers ? await peerPython(say) : null;
const load = { globalBatch: flags.batch, steps: flags.steps, folder };
const all = contenders(load, flags.seconds, python).filter(
  ({ name }) => flags.only === undefined || flags.only.some((text) => name.includes(text)),
);

const imagesPerSecond = new Map<Contender, number[]>(all.map((contender) => [contender, []]));
for (let round = 1; round <= flags.rounds; round++) {
  for (const [contender, measured] of imagesPerSecond) {
    measured.push(await contender.measure());
    say(`round ${round}: ${contender.name} ${measured.at(-1)!.toFixed(0)} images/s`);
  }
}
folder.remove();

const steps: StepResult[] = [];
for (const workers of flags.only === undefined ? [1, 2, 4] : []) {
  const bench = { workers, steps: 100, parameters: lessonModel.parameterCount, gradientFormat: 'float32' as const };
  const result: StepResult = { workers, convoy: [], raw: [] };
  for (let round = 1; round <= flags.rounds; round++) {
    result.convoy.push(await convoyStep(bench));
    result.raw.push(await rawStep(bench));
  }
  say(`steps of ${workers} workers without computing: measured`);
  steps.push(result);
}

const result: BenchResult = {
  machine: describeMachine(),
  globalBatch: flags.batch,
  rounds: flags.rounds,
  contenders: [...imagesPerSecond].map(([{ name, resources }, measured]) => ({ name, resources, measured })),
  steps,
  arithmetic: flags.only === undefined ? measureArithmetic() : [],
};
const target = fileURLToPath(new URL('../../reports/bench/', import.meta.url));
mkdirSync(target, { recursive: true });
const text = report(result);
writeFileSync(join(target, 'bench.md'), text);
writeFileSync(join(target, 'bench.json'), `${JSON.stringify(result, null, 2)}\n`);
writeFileSync(join(target, 'bench.svg'), plot(result));
console.log(text);
say(`written to ${target}`);
