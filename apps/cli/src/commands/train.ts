import type { Command } from 'commander';
import { exitCodes } from '@convoy/protocol/errors';
import { addFlags, flagTable, pickFlags, type FlagValues } from '../flags/flag.ts';
import { foldHelp, newCommand } from '../flags/help.ts';
import { guardFlags, openFlag } from '../flags/network.ts';
import { engineFlags, runFlags } from '../flags/run.ts';
import { positiveInteger } from '../flags/values.ts';
import { controlRoutes } from '@convoy/server/control-routes';
import type { ServedRun } from '@convoy/server/serve-run';
import { Display } from '../terminal/display.ts';
import { suspendWithProgram } from '../job-control.ts';
import { shellCommand } from '@convoy/convoy/shell-command';
import { programName } from '@convoy/infra/program-name';
import { openBrowser } from '@convoy/dashboard/serve/open-browser';
import { openPage } from '@convoy/dashboard/serve/open-page';
import { modelsOf } from '@convoy/convoy/offered-models';
import { oneRun } from '@convoy/dashboard/serve/run-list';
import { trainInProcess } from '@convoy/convoy/launchers/in-process';
import { localGuard, trainWithWorkers, type LocalGuard } from '@convoy/convoy/launchers/worker-processes';
import { reportEnd } from '../report-end.ts';
import { serveShown, shownOptions } from '../shown-run.ts';
import { stopSignals } from '../stop-signals.ts';

export const trainFlags = flagTable({
  workers: {
    takes: '<n>',
    parse: positiveInteger,
    help: 'number of worker processes',
    defaultText: 'one per core',
    group: 'Workers:',
    isCommon: true,
    conflicts: ['single'],
  },
  single: {
    help: 'train in this process, without workers',
    default: false as boolean,
    group: 'Workers:',
    isCommon: true,
  },
  ...runFlags,
  fallbackSynthetic: {
    help: 'train on synthetic images, and say so, if CIFAR-10 is not available',
    default: false as boolean,
    group: 'Model and data:',
  },
  ...engineFlags,
  ...pickFlags(guardFlags, 'tokenFile'),
  ...openFlag,
});
export type TrainFlags = FlagValues<typeof trainFlags>;

/** `train`: a coordinator and its workers on this machine, or everything in one process. */
export function trainCommand(): Command {
  const command = newCommand('train').description('train on this machine, with worker processes or in one process');
  return foldHelp(addFlags(command, trainFlags))
    .addHelpText(
      'after',
      `
Examples:
  $ convoy train --recipe quick --workers 2
  $ convoy train --deterministic --steps 40 --seed 7 --json
  $ convoy train --resume runs/20261124-051200-lesson-3f9a --workers 4`,
    )
    .action(train);
}

/** What `train` does, a new run or a resumed one. */
export async function train(flags: TrainFlags, command: Command): Promise<void> {
  const stop = stopSignals();
  const display = new Display({ quiet: flags.quiet });
  try {
    const { single: isSingle, fallbackSynthetic: fallbackToSynthetic } = flags;
    const source = { file: flags.tokenFile, environment: process.env };
    const guard = isSingle ? null : localGuard(source, (line) => display.warn(line));
    const options = shownOptions(
      flags,
      { url: null, fallbackToSynthetic, syntheticSize: flags.syntheticSize, isSingle, threads: flags.threads },
      display,
      stop,
    );
    const run = await serveShown(options, display, stop);
    if (guard === null) await trainAlone(flags, run, display);
    else await trainBeside(flags, run, guard, display);
    await reportEnd(run, { display, json: flags.json, stop, command });
  } finally {
    display.close();
  }
}

/** In this process. */
async function trainAlone(flags: TrainFlags, run: ServedRun, display: Display): Promise<void> {
  const page = await openPage(oneRun(run.folder), { models: modelsOf(run), more: controlRoutes(run) });
  display.line(`page: ${page.url}`);
  if (flags.open) openBrowser(page.url, (line) => display.warn(line));
  try {
    await trainInProcess(flags, run, (line) => display.line(line));
  } finally {
    await page.close();
  }
}

/** With worker processes beside this one. */
async function trainBeside(flags: TrainFlags, run: ServedRun, guard: LocalGuard, display: Display): Promise<void> {
  const lastCode = await trainWithWorkers(flags, run, {
    main: process.argv[1]!,
    guard,
    onWarning: (line) => display.warn(line),
    onStatus: (line) => display.status(line),
    onAddress: (url, isForOperators) => showPage(url, isForOperators, flags, display),
    suspendWithProgram,
  });
  const { outcome } = await run.ended;
  // What ended the workers is what the operator has to mend.
  if (outcome === 'halted' && lastCode !== exitCodes.ok) process.exitCode = lastCode;
}

/** Says how a browser gets to the page, and opens it there where that takes no token. */
function showPage(url: string, isForOperators: boolean, flags: TrainFlags, display: Display): void {
  if (!isForOperators) {
    display.line(`page: ${url}/`);
    if (flags.open) openBrowser(`${url}/`, (line) => display.warn(line));
    return;
  }
  const link = shellCommand([...programName(), 'dashboard', url]);
  display.line(`for operators and viewers: ${url}`);
  display.line(`page: with a token of theirs in CONVOY_TOKEN, this makes a link that opens it:\n\n  ${link}\n`);
  if (flags.open) display.warn('--open opens nothing here: a browser needs such a link');
}
