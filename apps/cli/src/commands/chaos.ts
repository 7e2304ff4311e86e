import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import type { Command } from 'commander';
import { exitCodes, OperatorError } from '@convoy/protocol/errors';
import { readConfigFile } from '@convoy/server/config-file';
import { resolveRun } from '@convoy/server/resolve-run';
import { addFlags } from '../flags/flag.ts';
import { foldHelp, newCommand } from '../flags/help.ts';
import { requestFromFlags } from '../flags/run.ts';
import { chaosFlags, HIDDEN_FLAGS, type ChaosFlags, type GivenFlags } from '../chaos/chaos-flags.ts';
import { reportLine, reportTable, verdictOf } from '../chaos/report.ts';
import { runChaos } from '../chaos/run-chaos.ts';
import { Display } from '../terminal/display.ts';
import { stopSignals } from '../stop-signals.ts';

/** Where neither --steps, --epochs nor --duration says how long. */
const DEFAULT_STEPS = 200;

/** `chaos`: trains while processes are killed at random, and compares with the undisturbed run. */
export function chaosCommand(): Command {
  const command = newCommand('chaos').description(
    'train while processes are killed, frozen, added and restarted at random, then train the same undisturbed: ' +
      'both must give the same parameters, bit for bit',
  );
  addFlags(command, chaosFlags);
  for (const option of command.options) if (HIDDEN_FLAGS.includes(option.attributeName())) option.hideHelp();
  return foldHelp(command)
    .addHelpText(
      'after',
      `
The run is always --deterministic, and of ${DEFAULT_STEPS} steps where nothing says how long. Faults: kill, leave and freeze a worker
(SIGKILL, SIGTERM, SIGSTOP), let another join, kill or freeze the coordinator (server), damage its newest checkpoint
while it is down (corrupt). A fault waits until the cluster has got on since the last of its kind. In the run's folder: both runs, processes.log, report.json.

Exit codes: 0 when everything came out as it does undisturbed; ${exitCodes.internal} when not, with what differs and the seeds.

Examples:
  $ convoy chaos --steps 200 --kill-every 5s
  $ convoy chaos --dataset synthetic --synthetic-size 2000 --steps 60 --kill-every 1s --chaos-seed 1 --json
  $ convoy chaos --duration 10m --workers 4 --faults kill,join,server`,
    )
    .action(chaos);
}

async function chaos(given: GivenFlags): Promise<void> {
  if (given.resume !== undefined) throw new OperatorError('chaos begins a run of its own: leave --resume out');
  const file = given.config === undefined ? {} : readConfigFile(given.config);
  const { seed, schedule, callbacks } = (await resolveRun(requestFromFlags(given))).config;
  if (given.duration !== undefined && schedule.name === 'cosine' && schedule.decaySteps === null) {
    // Its undisturbed twin is as long as it turns out to be, which would be another cosine.
    throw new OperatorError('--schedule cosine needs --decay-steps where --duration says how long');
  }
  if (given.duration !== undefined && callbacks.earlyStopping?.restoreBestWeights) {
    // Its undisturbed twin would end where this run is interrupted, and go back.
    throw new OperatorError('--restore-best needs --steps or --epochs instead of --duration');
  }
  const hasLength = [given.steps, given.epochs, given.duration, file.maxSteps, file.epochs].some((n) => n != null);
  const flags: ChaosFlags = {
    ...given,
    deterministic: true,
    seed,
    ...(hasLength ? {} : { steps: DEFAULT_STEPS }),
    chaosSeed: given.chaosSeed ?? randomInt(2 ** 31),
  };
  const folder = flags.runDir ?? join('runs', `chaos-${timeName(new Date())}-${flags.chaosSeed}`);
  const stop = stopSignals();
  const display = new Display();
  try {
    display.line(`chaos: --seed ${flags.seed} --chaos-seed ${flags.chaosSeed}, in ${folder}`);
    const report = await runChaos({
      flags,
      main: process.argv[1]!,
      folder,
      signal: stop.signal,
      onLine: (text) => display.line(text),
      onStatus: (text) => display.status(text),
    });
    display.line(reportTable(report));
    const { isEqual, isTested, line } = verdictOf(report);
    if (!isEqual) process.exitCode = exitCodes.internal;
    if (isEqual && !isTested) display.warn(line);
    else display.line(isEqual ? display.colors.green(line) : display.colors.red(line));
    if (flags.json) process.stdout.write(`${reportLine(report)}\n`);
  } finally {
    display.close();
  }
}

/** Sorts by time: 20261124-051200. */
function timeName(now: Date): string {
  return now
    .toISOString()
    .replace(/[-:]|\..*/g, '')
    .replace('T', '-');
}
