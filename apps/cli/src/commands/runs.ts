import { randomUUID } from 'node:crypto';
import { existsSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import { foldHistory, readRunEvents, type Measured } from '@convoy/convoy/history';
import type { ListedRun } from '@convoy/dashboard/replay/listed-run';
import { listedRuns, runsIn } from '@convoy/dashboard/serve/run-list';
import { exitCodes, OperatorError } from '@convoy/protocol/errors';
import { countOf, metricValue } from '@convoy/protocol/event-words';
import { fileError } from '@convoy/protocol/file-error';
import { printable } from '@convoy/protocol/messages';
import { METRIC_LABELS, readMetric } from '@convoy/protocol/metric';
import type { RunEvent } from '@convoy/protocol/run-events';
import { differingSettings } from '@convoy/protocol/setting-paths';
import { EVENTS_FILE } from '@convoy/run-store/event-log';
import { readConfig } from '@convoy/run-store/run-folder';
import { RunLock } from '@convoy/run-store/run-lock';
import { addFlags, flagTable, type FlagValues } from '../flags/flag.ts';
import { newCommand } from '../flags/help.ts';
import { jsonFlag } from '../flags/run.ts';
import { textTable } from '../text-table.ts';

const DEFAULT_FOLDER = 'runs';

/** Enough of a digest to tell runs apart. */
const DIGITS = 16;

const deleteFlags = flagTable({ yes: { help: 'ask nothing', default: false as boolean } });

/** `runs`: what was trained, how two runs differ, and the end of some. */
export function runsCommand(): Command {
  const command = newCommand('runs')
    .description('list runs, compare them, or delete some')
    .argument('[folder]', 'the folder that they are in', DEFAULT_FOLDER);
  addFlags(command, jsonFlag)
    .addHelpText(
      'after',
      `
Examples:
  $ convoy runs
  $ convoy runs compare runs/20261124-051200-lesson-3f9a runs/20261125-091500-lesson-77c0
  $ convoy runs delete runs/20261124-051200-lesson-3f9a`,
    )
    .action(listRuns);
  const compare = newCommand('compare')
    .description('show the settings in which runs differ, and what each came to')
    .argument('<runs...>', 'their folders');
  addFlags(compare, jsonFlag).action(compareRuns);
  const remove = newCommand('delete')
    .description('delete runs with their checkpoints; one that is being served is refused')
    .argument('<runs...>', 'their folders');
  addFlags(remove, deleteFlags).action(deleteRuns);
  return command.addCommand(compare).addCommand(remove);
}

async function listRuns(folder: string, { json }: FlagValues<typeof jsonFlag>): Promise<void> {
  const runs = await listedRuns(runsIn(folder));
  if (json) process.stdout.write(`${JSON.stringify({ folder, runs })}\n`);
  else process.stdout.write(runs.length === 0 ? `no run in ${folder}\n` : `${runsTable(runs)}\n`);
}

/** One line per run, the one that changed last first. */
export function runsTable(runs: readonly ListedRun[]): string {
  const head = ['run', 'state', 'step', 'last change', 'validation', 'test'];
  const rows = runs.map((run) => [
    printable(run.name),
    run.state,
    `${run.step}/${run.totalSteps}`,
    run.lastAt === null ? '' : new Date(run.lastAt).toISOString().slice(0, 16).replace('T', ' '),
    run.validationMetric === null ? '' : metricValue(run.metric, run.validationMetric),
    run.testMetric === null ? '' : metricValue(run.metric, run.testMetric),
  ]);
  return textTable(head, rows, new Set([0, 1, 3]));
}

/** A run as it is compared. */
interface Compared {
  readonly name: string;
  readonly config: unknown;
  readonly figures: Readonly<Record<string, string>>;
}

function compareRuns(folders: readonly string[], _: FlagValues<typeof jsonFlag>, command: Command): void {
  // `runs` takes the flag from behind its subcommand's name.
  const { json } = command.optsWithGlobals<FlagValues<typeof jsonFlag>>();
  if (folders.length < 2) throw new OperatorError('name two runs or more');
  const { names, settings, figures } = comparison(folders.map(comparedRun));
  if (json) {
    process.stdout.write(`${JSON.stringify({ runs: names, settings, figures })}\n`);
    return;
  }
  const rows = (values: Readonly<Record<string, readonly string[]>>) =>
    Object.entries(values).map(([name, of]) => [name, ...of]);
  const differing = rows(settings);
  const nothing = [['no setting differs', ...names.map(() => '')]];
  const all = [...(differing.length === 0 ? nothing : differing), ['', ...names.map(() => '')], ...rows(figures)];
  process.stdout.write(`${textTable(['', ...names.map(printable)], all, new Set([0]))}\n`);
}

/** The settings that are not the same in all runs, and all figures: a value per run, in their order. */
export function comparison(runs: readonly Compared[]): {
  readonly names: readonly string[];
  readonly settings: Readonly<Record<string, readonly string[]>>;
  readonly figures: Readonly<Record<string, readonly string[]>>;
} {
  const labels = [...new Set(runs.flatMap(({ figures }) => Object.keys(figures)))];
  return {
    names: runs.map(({ name }) => name),
    settings: differingSettings(runs.map(({ config }) => config)),
    figures: Object.fromEntries(labels.map((label) => [label, runs.map(({ figures }) => figures[label] ?? '')])),
  };
}

function comparedRun(folder: string): Compared {
  const events = readRunEvents(folder);
  const { metric, steps, validations, test, totalSteps } = foldHistory(events);
  const label = METRIC_LABELS[metric];
  const valueOf = (measured: Measured | null | undefined) =>
    measured == null ? '' : metricValue(metric, readMetric(measured).value);
  const isBetter = (a: Measured, b: Measured) =>
    metric === 'accuracy' ? readMetric(a).value > readMetric(b).value : readMetric(a).value < readMetric(b).value;
  const best = validations.reduce<Measured | null>((so, each) => (so === null || isBetter(each, so) ? each : so), null);
  return {
    name: basename(folder),
    config: readConfig(folder),
    figures: {
      steps: `${steps.at(-1)?.step ?? 0}/${totalSteps}`,
      [`best validation ${label}`]: best === null ? '' : `${valueOf(best)} (step ${best.step})`,
      [`last validation ${label}`]: valueOf(validations.at(-1)),
      [`test ${label}`]: valueOf(test),
      'test loss': test === null ? '' : test.loss.toFixed(4),
      'parameters (sha256)': finalDigest(events),
    },
  };
}

/** The beginning of the final parameters' digest: equal in runs that came to the same, bit for bit. Empty while a run goes on. */
function finalDigest(events: readonly RunEvent[]): string {
  const last = events.findLast(({ type }) => type === 'run-ended' || type === 'run-started' || type === 'run-resumed');
  return last?.type === 'run-ended' ? last.parametersSha256.slice(0, DIGITS) : '';
}

async function deleteRuns(folders: readonly string[], { yes }: FlagValues<typeof deleteFlags>): Promise<void> {
  // Before the first is gone.
  for (const folder of folders) {
    readConfig(folder);
    if (!existsSync(join(folder, EVENTS_FILE))) {
      throw new OperatorError(`${folder} has no log: it is no run's folder`, { exitCode: exitCodes.data });
    }
  }
  if (!yes) await confirmDeletion(folders);
  for (const folder of folders) {
    // Whoever serves it keeps it.
    const lock = await RunLock.acquire(folder, {
      run: basename(folder),
      incarnation: randomUUID(),
      url: null,
      onLost: () => {},
    });
    try {
      rmSync(folder, { recursive: true });
    } catch (error) {
      throw fileError(error, `can't delete ${folder}`);
    } finally {
      await lock.release();
    }
    process.stdout.write(`deleted ${folder}\n`);
  }
}

async function confirmDeletion(folders: readonly string[]): Promise<void> {
  const what = `delete ${countOf(folders.length, 'run')} with all checkpoints: ${folders.join(', ')}`;
  if (!process.stdin.isTTY || !process.stderr.isTTY) throw new OperatorError(`to ${what}, say --yes`);
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const ended = new Promise<string>((resolve) => terminal.once('close', () => resolve('')));
    const answer = await Promise.race([terminal.question(`${what}? [y/N] `), ended]);
    if (!/^y(es)?$/i.test(answer.trim())) throw new OperatorError('nothing was deleted');
  } finally {
    terminal.close();
  }
}
