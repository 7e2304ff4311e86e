import type { Command } from 'commander';
import { statusOf } from '@convoy/convoy/operate';
import type { RunStatus } from '@convoy/protocol/run-status';
import { addFlags, flagTable, type FlagValues } from '../flags/flag.ts';
import { newCommand } from '../flags/help.ts';
import { callerFlags, coordinatorAt } from '../flags/network.ts';
import { textTable } from '../text-table.ts';

const statusFlags = flagTable({
  ...callerFlags,
  json: { help: 'print the status to stdout as one JSON line', default: false as boolean },
});

/** `status`: how the run of a coordinator stands. */
export function statusCommand(): Command {
  const command = newCommand('status')
    .description('show how far a run is, who works for it, how fast, and what it waits for')
    .argument('<url>', "the coordinator's address");
  return addFlags(command, statusFlags)
    .addHelpText(
      'after',
      `
Example:
  $ convoy status wss://192.0.2.10:7311 --tls-fingerprint sha256:…     with a viewer's or an operator's token in CONVOY_TOKEN`,
    )
    .action(showStatus);
}

async function showStatus(url: string, flags: FlagValues<typeof statusFlags>): Promise<void> {
  const status = await statusOf(coordinatorAt(url, flags, 'viewer'));
  process.stdout.write(flags.json ? `${JSON.stringify(status)}\n` : `${statusText(status).join('\n')}\n`);
}

function statusText(status: RunStatus): readonly string[] {
  const { run, state, step, totalSteps, epoch, loss, stepMs, samplesPerSecond, waitingFor, checkpoint } = status;
  const figures = [
    ...(epoch === null ? [] : [`epoch ${epoch + 1}`]),
    ...(loss === null ? [] : [`loss ${loss.toFixed(4)}`]),
    ...(samplesPerSecond === null ? [] : [`${samplesPerSecond.toFixed(0)} samples/s`]),
    ...(stepMs === null ? [] : [`${stepMs.toFixed(0)} ms a step`]),
  ];
  return [
    `${run}: ${state}, step ${step} of ${totalSteps}${figures.map((figure) => ` · ${figure}`).join('')}`,
    ...(waitingFor === null ? [] : [`${state === 'ended' ? '' : 'waits for '}${waitingFor}`]),
    checkpoint === null
      ? 'no checkpoint yet'
      : `checkpoint of step ${checkpoint.step}, ${new Date(checkpoint.atMs).toISOString()}: ${checkpoint.path}`,
    ...status.health.map(({ kind, severity, evidence }) => `${severity}: ${kind} (${evidence})`),
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
  return [textTable(['rank', 'state', 'samples/s', 'worker', 'engine', 'from'], rows)];
}
