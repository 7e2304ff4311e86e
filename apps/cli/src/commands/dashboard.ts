import { once } from 'node:events';
import type { Command } from 'commander';
import { faultsTo } from '@convoy/convoy/guarded-door';
import { offeredModels } from '@convoy/convoy/offered-models';
import { linkTo } from '@convoy/convoy/operate';
import { openBrowser } from '@convoy/dashboard/serve/open-browser';
import { openPage } from '@convoy/dashboard/serve/open-page';
import { runsIn } from '@convoy/dashboard/serve/run-list';
import { OperatorError } from '@convoy/protocol/errors';
import { addFlags, flagTable, type FlagValues } from '../flags/flag.ts';
import { newCommand } from '../flags/help.ts';
import { callerFlags, coordinatorAt, isAddress, openFlag } from '../flags/network.ts';
import { wholeBetween } from '../flags/values.ts';
import { stopSignals } from '../stop-signals.ts';

const DEFAULT_FOLDER = 'runs';

const dashboardFlags = flagTable({
  port: { takes: '<n>', parse: wholeBetween(0, 65_535), help: 'port on this machine; 0 takes a free one', default: 0 },
  ...callerFlags,
  operator: {
    help: "make a link that lets the browser steer the run too, for an hour; it takes an operator's token",
    default: false as boolean,
  },
  ...openFlag,
});

/** `dashboard`: the page of runs on disk, finished or not. */
export function dashboardCommand(): Command {
  const command = newCommand('dashboard')
    .description('show runs in a browser, finished ones and those that are training')
    .argument('[folder]', "a folder of runs, one run, or a coordinator's address", DEFAULT_FOLDER);
  return addFlags(command, dashboardFlags)
    .addHelpText(
      'after',
      `
With a folder it serves this machine alone, until Ctrl-C. With an address it prints a
link that lets one browser watch that coordinator's run, once and within ten minutes.
With --operator the browser can pause and stop the run, too.

Examples:
  $ convoy dashboard
  $ convoy dashboard runs/20261124-051200-lesson-3f9a --open
  $ convoy dashboard wss://192.0.2.10:7311 --tls-fingerprint sha256:…     with a viewer's or an operator's token in CONVOY_TOKEN`,
    )
    .action(showDashboard);
}

async function showDashboard(named: string, flags: FlagValues<typeof dashboardFlags>): Promise<void> {
  const role = flags.operator ? 'operator' : 'viewer';
  if (!isAddress(named)) {
    if (flags.operator) throw new OperatorError("--operator needs a coordinator's address in place of a folder");
    return serveFolder(named, flags);
  }
  const link = await linkTo(coordinatorAt(named, flags, role), role);
  process.stdout.write(`${link}\n`);
  if (flags.open) openBrowser(link, note);
}

async function serveFolder(folder: string, flags: FlagValues<typeof dashboardFlags>): Promise<void> {
  const { signal } = stopSignals();
  const page = await openPage(runsIn(folder), { port: flags.port, models: offeredModels(), onFault: faultsTo(note) });
  try {
    process.stdout.write(`${page.url}\n`);
    note(`the runs in ${folder}; Ctrl-C ends`);
    if (flags.open) openBrowser(page.url, note);
    if (!signal.aborted) await once(signal, 'abort');
  } finally {
    await page.close();
  }
}

const note = (line: string) => process.stderr.write(`${line}\n`);
