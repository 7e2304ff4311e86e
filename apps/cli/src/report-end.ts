import type { Command } from 'commander';
import { programName } from '@convoy/infra/program-name';
import { writeReport } from '@convoy/dashboard/report/write-report';
import { shellCommand } from '@convoy/convoy/shell-command';
import { countOf, healthText, metricText, rollbackText } from '@convoy/protocol/event-words';
import { exitCodes } from '@convoy/protocol/errors';
import type { RunSummary } from '@convoy/protocol/run-events';
import type { ServedRun } from '@convoy/server/serve-run';
import type { Display } from './terminal/display.ts';
import { resumeCommand } from './resume-command.ts';
import type { StopRequest } from './stop-signals.ts';

export interface EndOptions {
  readonly display: Display;
  /** Whether the result is to be printed as a line of JSON. */
  readonly json: boolean;
  readonly stop: StopRequest;
  /** The command of the run, as it was given. */
  readonly command: Command;
}

/** Says how a run ended, prints its JSON line if asked, sets the exit code, and writes the run's pictures and report into its folder. */
export async function reportEnd(
  run: Pick<ServedRun, 'ended' | 'folder'>,
  { display, json, stop, command }: EndOptions,
): Promise<void> {
  const { outcome, reason, summary, collapse, unsaved } = await run.ended;
  const rate = `${summary.samplesPerSecond.toFixed(0)} samples/s`;
  if (outcome === 'completed') {
    const line = `${testText(summary)}${rate} · ${countOf(summary.steps, 'step')} in ${summary.seconds.toFixed(0)} s · ${run.folder}`;
    // All steps were made, and to no avail: the finding below says so.
    if (summary.health.some(({ kind }) => kind === 'diverged'))
      display.warn(`completed, but the training diverged: ${line}`);
    else display.result(unsaved === null ? display.colors.green(`✔ ${line}`) : line);
  } else {
    const more = collapse === null ? [] : ([['--on-collapse', 'rollback']] as const);
    const toGoOn = resumeCommand(command, process.argv.slice(3), run.folder, more);
    const done = `${countOf(summary.steps, 'step')} ${summary.steps === 1 ? 'is' : 'are'} done`;
    display.warn(`${outcome}: ${reason}; ${done}. Go on with: ${toGoOn}`);
  }
  for (const rollback of summary.rollbacks) display.warn(`it went back ${rollbackText(rollback)}`);
  for (const finding of summary.health)
    display.warn(`${finding.severity} of step ${finding.step}: ${healthText(finding)}`);
  if (json) process.stdout.write(`${JSON.stringify(summary)}\n`);
  if (outcome === 'halted') process.exitCode ??= collapse === null ? exitCodes.halted : exitCodes.collapsed;
  if (outcome === 'interrupted') process.exitCode = stop.exitCode();
  if (unsaved !== null) {
    display.warn(`the result is not saved: ${unsaved}`);
    process.exitCode = exitCodes.unsaved;
    return;
  }
  await draw(run.folder, display);
  await report(run.folder, display);
}

function testText({ testAccuracy, testMeanAbsoluteError = null, testLoss }: RunSummary): string {
  if (testLoss === null) return '';
  const metric =
    testAccuracy === null ? { meanAbsoluteError: testMeanAbsoluteError ?? NaN } : { accuracy: testAccuracy };
  return `test ${metricText(metric)}, test loss ${testLoss.toFixed(4)} · `;
}

/** A report that can't be written is no fault of the run either. */
async function report(folder: string, display: Display): Promise<void> {
  try {
    const { path } = await writeReport(folder);
    display.line(`report: ${path}`);
  } catch (error) {
    const later = shellCommand([...programName(), 'history', folder, '--report']);
    display.warn(`the report was not written: ${(error as Error).message}; later: ${later}`);
  }
}

/** A picture that can't be drawn is no fault of the run. The chart's library is large, so it is loaded only now. */
async function draw(folder: string, display: Display): Promise<void> {
  try {
    const { drawHistory } = await import('./history/draw-history.ts');
    drawHistory(folder);
  } catch (error) {
    display.warn(
      `the history was not drawn: ${(error as Error).message}; later: ${shellCommand([...programName(), 'history', folder])}`,
    );
  }
}
