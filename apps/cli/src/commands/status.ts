import type { Command } from 'commander';
import { statusOf } from '@convoy/convoy/operate';
import type { RunStatus } from '@convoy/protocol/run-status';
import { addFlags, flagTable, type FlagValues } from '../flags/flag.ts';
import { newCommand } from '../flags/help.ts';
import { callerFlags, coordinatorAt, isAddress } from '../flags/network.ts';
import { runFlag, runNamedOrNewest } from '../run-argument.ts';
import { statusInFolder } from '../status-in-folder.ts';
import { textTable } from '../text-table.ts';

const statusFlags = flagTable({
  ...runFlag,
  ...callerFlags,
  json: { help: 'print the status to stdout as one JSON line', default: false as boolean },
});

/** `status`: how the run of a coordinator stands. */
export function statusCommand(): Command {
  const command = newCommand('status')
    .description('show how far a run is, who works for it, how fast, and what it waits for')
    .argument('[run]', "the run's folder, or the coordinator's address; without, the newest run in runs");
  return addFlags(command, statusFlags)
    .addHelpText(
      'after',
      `
Examples:
  $ convoy status
  $ convoy status runs/20261124-051200-quick-3f9a
  $ convoy status wss://192.0.2.10:7311 --tls-fingerprint sha256:…     with a viewer's or an operator's token in CONVOY_TOKEN`,
    )
    .action(showStatus);
}

async function showStatus(
  named: string | undefined,
  flags: FlagValues<typeof statusFlags>,
  command: Command,
): Promise<void> {
  const run = runNamedOrNewest(named, flags, command);
  const found = isAddress(run)
    ? { status: await statusOf(coordinatorAt(run, flags, 'viewer')), notes: [] }
    : await statusInFolder(run);
  const { status, notes } = found;
  process.stdout.write(flags.json ? `${JSON.stringify(status)}\n` : `${statusText(status, notes).join('\n')}\n`);
}

function statusText(status: RunStatus, notes: readonly string[]): readonly string[] {
  const { run, state, step, totalSteps, epoch, loss, stepMs, samplesPerSecond, waitingFor, checkpoint } = status;
  const figures = [
    ...(epoch === null ? [] : [`epoch ${epoch + 1}`]),
    ...(loss === null ? [] : [`loss ${loss.toFixed(4)}`]),
    ...(samplesPerSecond === null ? [] : [`${samplesPerSecond.toFixed(0)} samples/s`]),
    ...(stepMs === null ? [] : [`${stepMs.toFixed(0)} ms a step`]),
  ];
  return [
    `${run}: ${state}, step ${step} of ${totalSteps}${figures.map((figure) => ` · ${figure}`).join('')}`,
    ...(waitingFor === null ? [] : [`${state === 'ended' || state === 'left' ? '' : 'waits for '}${waitingFor}`]),
    checkpoint === null
      ? 'no checkpoint yet'
      : `checkpoint of step ${checkpoint.step}, ${new Date(checkpoint.atMs).toISOString()}: ${checkpoint.path}`,
    ...status.health.map(({ kind, severity, evidence }) => `${severity}: ${kind} (${evidence})`),
    ...notes,
    '',
    ...workersText(status.workers),
  ];
}

function workersText(workers: RunStatus['workers']): readonly string[] {
  if (workers.length === 0) return ['no workers'];
  const rows = workers.map(({ rank, state, samplesPerSecond, name, engine, origin }) => [
    String(rank),
    state,
    samplesPerSecond === null ? '' : samplesPerSecond.toFixed(0),
    name,
    engine,
    origin,
  ]);
  const titles = ['rank', 'state', 'samples/s', 'worker', 'engine', 'from'];
  // A log doesn't know all of them.
  const known = titles.map((_, column) => rows.some((row) => row[column] !== ''));
  const kept = (cells: readonly string[]) => cells.filter((_, column) => known[column]);
  return [textTable(kept(titles), rows.map(kept))];
}
