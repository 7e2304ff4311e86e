import { Command, Option } from 'commander';
import { exitCodes } from '@convoy/protocol/errors';
import { addRunOptions, positiveInteger, type RunFlags } from '../flags/run.ts';
import type { PreparedRun } from '@convoy/server/prepare-run';
import { addEngineOptions } from '../flags/engine.ts';
import type { EngineOptions } from '@convoy/worker/engine-options';
import { Display } from '../display.ts';
import { suspendWithProgram } from '../job-control.ts';
import { trainInProcess } from '@convoy/convoy/launchers/in-process';
import { trainWithWorkers } from '@convoy/convoy/launchers/worker-processes';
import type { Reopen } from '@convoy/convoy/reopen-rolled-back';
import { reportEnd } from '../report-end.ts';
import { prepareShown, shownOptions, shownReopen } from '../shown-run.ts';
import { stopSignals } from '../stop-signals.ts';

interface TrainFlags extends RunFlags, EngineOptions {
  readonly workers?: number;
  readonly single: boolean;
  readonly fallbackSynthetic: boolean;
  // Both parents declare it.
  readonly dataDir?: string;
  readonly workload?: string;
}

/** `train`: a coordinator and its workers on this machine, or everything in one process. */
export function trainCommand(): Command {
  const command = new Command('train')
    .description('train on this machine: a parameter server and N worker processes, or everything in one process')
    .addOption(
      new Option('--workers <n>', 'worker processes (default: one per core, no more than micro-batches in a step)')
        .argParser(positiveInteger)
        .conflicts('single'),
    )
    .option('--single', 'everything in this process, with the same step code', false)
    .option('--fallback-synthetic', 'train on synthetic images, and say so, where CIFAR-10 can not be had', false);
  return addEngineOptions(addRunOptions(command))
    .addHelpText(
      'after',
      `
Examples:
  $ convoy train --recipe quick --workers 2
  $ convoy train --recipe lesson --workers 2 --data-dir ~/cifar-10-batches-bin
  $ convoy train --config convoy.json --seed 7                  settings of a file: docs/configuration.md
  $ convoy train --deterministic --steps 40 --seed 7 --json     one parametersSha256 for any number of workers
  $ convoy train --single --dataset synthetic --steps 20
  $ convoy train --workload my-workload.ts --workers 2          a model and data of one's own: docs/workloads.md
  $ convoy train --resume runs/20261124-051200-lesson-3f9a --workers 4`,
    )
    .action(train);
}

async function train(flags: TrainFlags): Promise<void> {
  const stop = stopSignals();
  const display = new Display();
  try {
    const { single: isSingle, fallbackSynthetic: fallbackToSynthetic } = flags;
    const options = shownOptions(
      flags,
      { url: null, fallbackToSynthetic, syntheticSize: flags.syntheticSize, isSingle },
      display,
      stop,
    );
    const prepared = await prepareShown(options, display, stop);
    const reopen = shownReopen(options, stop);
    const last = flags.single
      ? await trainInProcess(flags, prepared, reopen, (line) => display.line(line))
      : await trainBeside(flags, prepared, reopen, display);
    await reportEnd(last, display, flags.json, stop);
  } finally {
    display.close();
  }
}

/** With worker processes beside this one. @returns the run as it ended. */
async function trainBeside(
  flags: TrainFlags,
  prepared: PreparedRun,
  reopen: Reopen,
  display: Display,
): Promise<PreparedRun> {
  const { last, lastCode } = await trainWithWorkers(flags, prepared, {
    main: process.argv[1]!,
    reopen,
    onWarning: (line) => display.warn(line),
    onStatus: (line) => display.status(line),
    suspendWithProgram,
  });
  const { outcome } = await last.ended;
  // What ended the workers is what the operator has to mend.
  if (outcome === 'halted' && lastCode !== exitCodes.ok) process.exitCode = lastCode;
  return last;
}
