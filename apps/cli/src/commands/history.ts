import type { Command } from 'commander';
import { exitCodes } from '@convoy/protocol/errors';
import { foldHistory, readRunEvents } from '@convoy/convoy/history';
import { readConfig } from '@convoy/run-store/run-folder';
import { addFlags, flagTable, type FlagValues } from '../flags/flag.ts';
import { newCommand } from '../flags/help.ts';
import { jsonFlag } from '../flags/run.ts';
import { historyRows, historyTable } from '../history/history-table.ts';
import { runFlag, runNamed } from '../run-argument.ts';

const historyFlags = flagTable({
  ...runFlag,
  csv: { takes: '<file>', help: 'also write a table of all steps and evaluations' },
  tensorboard: {
    takes: '<folder>',
    help: 'also write a log for TensorBoard: train, validation and test below this folder',
  },
  report: {
    takes: '[file]',
    help: "also write a page that opens without a server; report.html in the run's folder if no file is named",
  },
  ...jsonFlag,
});

/** `history`: what a run measured epoch by epoch, as table and as picture. */
export function historyCommand(): Command {
  const command = newCommand('history')
    .description("print a run's figures, epoch by epoch, and draw them; the run may still be training")
    .argument('[run]', "the run's folder; history.svg and history.png are written to it");
  return addFlags(command, historyFlags)
    .addHelpText(
      'after',
      `
A run of fewer than eight epochs is drawn step by step, each step and smoothed. A run draws its history by itself when it ends.

Exit codes: ${exitCodes.ok} when it was drawn or there is no step yet; ${exitCodes.data} when the folder is no run's or its log is damaged.

Examples:
  $ convoy history runs/20261124-051200-lesson-3f9a
  $ convoy history runs/20261124-051200-lesson-3f9a --report
  $ convoy history runs/20261124-051200-lesson-3f9a --csv steps.csv
  $ convoy history runs/20261124-051200-lesson-3f9a --tensorboard logs/3f9a && tensorboard --logdir logs`,
    )
    .action(showHistory);
}

async function showHistory(
  named: string | undefined,
  flags: FlagValues<typeof historyFlags>,
  command: Command,
): Promise<void> {
  const folder = runNamed(named, flags, command);
  const events = readRunEvents(folder);
  const history = foldHistory(events);
  const { run, stepsPerEpoch, totalSteps, steps, test } = history;
  // The chart's library is large: no other command should load it at its start.
  const { drawHistory } = await import('../history/draw-history.ts');
  // Before the drawing, which fails where the folder can't be written.
  if (!flags.json) process.stdout.write(`${historyTable(history)}\n`);
  const files = [...drawHistory(folder, history)];
  if (flags.csv !== undefined || flags.tensorboard !== undefined) {
    const { hyperparametersOf, writeCsv, writeTensorboard } = await import('../history/history-files.ts');
    if (flags.csv !== undefined) {
      writeCsv(flags.csv, events);
      files.push(flags.csv);
    }
    if (flags.tensorboard !== undefined) {
      const hyperparameters = hyperparametersOf(readConfig(folder));
      files.push(...(await writeTensorboard(flags.tensorboard, events, { run, hyperparameters })));
    }
  }
  if (flags.report !== undefined) {
    const { writeReport } = await import('@convoy/dashboard/report/write-report');
    files.push((await writeReport(folder, flags.report === true ? undefined : flags.report)).path);
  }
  if (flags.json) {
    const done = steps.at(-1)?.step ?? 0;
    const result = { run, step: done, totalSteps, stepsPerEpoch, epochs: historyRows(history), test, files };
    process.stdout.write(`${JSON.stringify(result)}\n`);
    return;
  }
  process.stderr.write(files.length === 0 ? 'nothing to draw: no step is done yet\n' : `wrote ${files.join(', ')}\n`);
}
