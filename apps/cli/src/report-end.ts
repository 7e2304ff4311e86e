import type { Command } from 'commander';
import { programName } from '@convoy/infra/program-name';
import { writeReport } from '@convoy/dashboard/report/write-report';
import { durationText } from '@convoy/infra/progress-bar';
import { shellCommand } from '@convoy/convoy/shell-command';
import { countOf, healthText, metricText, rollbackText } from '@convoy/protocol/event-words';
import { exitCodes } from '@convoy/protocol/errors';
import type { RunSummary } from '@convoy/protocol/run-events';
import { bestCheckpoint, type BestCheckpoint } from '@convoy/run-store/best-checkpoint';
import type { RunEnd } from '@convoy/server/run-end';
import type { ServedRun } from '@convoy/server/serve-run';
import type { Display } from './terminal/display.ts';
import { nextCommands, pageCommand, type NextCommand } from './next-commands.ts';
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

/** Says how a run ended, prints its JSON line if asked, sets the exit code, writes the run's pictures and report, and says what to type next. */
export async function reportEnd(
  run: Pick<ServedRun, 'ended' | 'folder' | 'config'>,
  { display, json, stop, command }: EndOptions,
): Promise<void> {
  const end = await run.ended;
  const { outcome, summary, collapse, unsaved } = end;
  const telling = { display, command, given: process.argv.slice(3) };
  const next = outcome === 'completed' ? await tellCompleted(end, run, telling) : tellStopped(end, run.folder, telling);
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
  const path = await report(run.folder, display);
  tellNext([...(path === null ? [] : [{ purpose: 'report', command: path }]), ...next], display);
}

interface Telling {
  readonly display: Display;
  readonly command: Command;
  /** The arguments after the command's name. */
  readonly given: readonly string[];
}

/** @returns what to type next. */
async function tellCompleted(
  { summary, reason, unsaved }: RunEnd,
  { folder, config }: Pick<ServedRun, 'folder' | 'config'>,
  { display, command, given }: Telling,
): Promise<readonly NextCommand[]> {
  const figures = `${testText(summary)}${summary.samplesPerSecond.toFixed(0)} samples/s · ${countOf(summary.steps, 'step')} in ${secondsText(summary.seconds)}`;
  // All steps were made, and to no avail: the finding below says so.
  const isDiverged = summary.health.some(({ kind }) => kind === 'diverged');
  if (isDiverged) display.warn(`completed, but the training diverged: ${figures}`);
  else display.result(unsaved === null ? display.colors.green(`✔ ${figures}`) : figures);
  if (unsaved !== null) return [];
  const best = await bestCheckpoint(folder);
  display.line(`  ${folder}${best === null ? '' : ` · best checkpoint: ${bestText(best)}`}`);
  const hasBetter = best !== null && best.step !== summary.steps;
  return isDiverged ? [pageCommand(folder)] : nextCommands({ folder, config, reason, hasBetter }, command, given);
}

/** @returns what to type next, beside what goes on with the run. */
function tellStopped(
  { outcome, reason, summary, collapse, unsaved }: RunEnd,
  folder: string,
  { display, command, given }: Telling,
): readonly NextCommand[] {
  const more = collapse === null ? [] : ([['--on-collapse', 'rollback']] as const);
  const done = `${countOf(summary.steps, 'step')} ${summary.steps === 1 ? 'is' : 'are'} done`;
  // "interrupted by Ctrl-C" says it all.
  const why = reason.startsWith(outcome) ? reason : `${outcome}: ${reason}`;
  display.warn(`${why}; ${done}${unsaved === null ? `, saved in ${folder}` : ''}`);
  display.result(`  Go on with: ${resumeCommand(command, given, folder, more)}`);
  return [pageCommand(folder)];
}

function tellNext(commands: readonly NextCommand[], display: Display): void {
  const columns = Math.max(...commands.map(({ purpose }) => purpose.length));
  for (const { purpose, command } of commands)
    display.line(`  ${display.colors.dim(purpose.padEnd(columns))}  ${command}`);
}

function bestText({ step, validationAccuracy, validationMeanAbsoluteError }: BestCheckpoint): string {
  const metric =
    validationMeanAbsoluteError === undefined
      ? { accuracy: validationAccuracy ?? NaN }
      : { meanAbsoluteError: validationMeanAbsoluteError ?? NaN };
  return `step ${step}, validation ${metricText(metric)}`;
}

/** Minutes and seconds where there are minutes. */
function secondsText(seconds: number): string {
  return seconds < 60 ? `${seconds.toFixed(seconds < 10 ? 1 : 0)} s` : durationText(seconds);
}

function testText({ testAccuracy, testMeanAbsoluteError = null, testLoss }: RunSummary): string {
  if (testLoss === null) return '';
  const metric =
    testAccuracy === null ? { meanAbsoluteError: testMeanAbsoluteError ?? NaN } : { accuracy: testAccuracy };
  return `test ${metricText(metric)}, test loss ${testLoss.toFixed(4)} · `;
}

/** A report that can't be written is no fault of the run either. @returns its path. */
async function report(folder: string, display: Display): Promise<string | null> {
  try {
    return (await writeReport(folder)).path;
  } catch (error) {
    const later = shellCommand([...programName(), 'history', folder, '--report']);
    display.warn(`the report was not written: ${(error as Error).message}; later: ${later}`);
    return null;
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
