import type { Command } from 'commander';
import { metricValue } from '@convoy/protocol/event-words';
import { exitCodes } from '@convoy/protocol/errors';
import { METRIC_LABELS } from '@convoy/protocol/metric';
import { listCheckpoints, type ListedCheckpoint } from '@convoy/run-store/checkpoint-load';
import { readConfig } from '@convoy/run-store/run-folder';
import { addFlags, type FlagValues } from '../flags/flag.ts';
import { newCommand } from '../flags/help.ts';
import { jsonFlag } from '../flags/run.ts';
import { runFlag, runNamed } from '../run-argument.ts';

const checkpointsFlags = { ...runFlag, ...jsonFlag };

/** `checkpoints`: what a run can be resumed from, read and verified to the last byte. */
export function checkpointsCommand(): Command {
  const command = newCommand('checkpoints')
    .description("list a run's checkpoints and verify every byte of them; the run may still be training")
    .argument('[run]', "the run's folder");
  return addFlags(command, checkpointsFlags)
    .addHelpText(
      'after',
      `
Exit codes: 0 when the newest checkpoint verifies, ${exitCodes.data} when it does not or there is none.

Example:
  $ convoy checkpoints runs/20261124-051200-quick-3f9a`,
    )
    .action(showCheckpoints);
}

async function showCheckpoints(
  named: string | undefined,
  flags: FlagValues<typeof checkpointsFlags>,
  command: Command,
): Promise<void> {
  const run = runNamed(named, flags, command);
  // Before a folder without checkpoints is taken for a run that has none yet.
  readConfig(run);
  const checkpoints = await listCheckpoints(run);
  process.stdout.write(flags.json ? `${JSON.stringify({ run, checkpoints })}\n` : checkpointTable(run, checkpoints));
  const newest = checkpoints.at(-1);
  if (newest === undefined || newest.fault !== null) process.exitCode = exitCodes.data;
}

/** One line per checkpoint, oldest first, and one that says what a resumed run would start from. */
export function checkpointTable(run: string, checkpoints: readonly ListedCheckpoint[]): string {
  if (checkpoints.length === 0) return `${run} has no checkpoint yet\n`;
  const isRegression = checkpoints.some(({ meanAbsoluteError }) => meanAbsoluteError !== undefined);
  const metric = isRegression ? 'meanAbsoluteError' : 'accuracy';
  const head = ['step', 'epochs', 'size', `validation ${METRIC_LABELS[metric]}`, 'verdict'];
  const rows = checkpoints.map(({ step, epoch, bytes, isBest, fault, ...found }) => {
    const value = isRegression ? (found.meanAbsoluteError ?? null) : found.metric;
    const figure = value === null ? '' : metricValue(metric, value);
    return [
      String(step),
      epoch === null ? '' : String(epoch),
      `${(bytes / 1e6).toFixed(1)} MB`,
      value === null && !isBest ? '' : `${figure}${isBest ? ' (best)' : '       '}`,
      fault === null ? 'verified' : `DAMAGED: ${fault}`,
    ];
  });
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]!.length)));
  const lines = [head, ...rows].map((row) =>
    row.map((cell, column) => (column === 4 ? cell : cell.padStart(widths[column]!))).join('  '),
  );
  const valid = checkpoints.findLast(({ fault }) => fault === null);
  const start =
    valid === undefined ? 'no checkpoint can be resumed from' : `a resumed run starts from step ${valid.step}`;
  return `${lines.join('\n')}\n${start}\n`;
}
