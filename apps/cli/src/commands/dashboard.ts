import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, statSync } from 'node:fs';
import type { Command } from 'commander';
import { faultsTo } from '@convoy/convoy/guarded-door';
import { openPage } from '@convoy/dashboard/serve/open-page';
import { runsIn } from '@convoy/dashboard/serve/run-list';
import { exitCodes, OperatorError } from '@convoy/protocol/errors';
import { addFlags, flagTable, type FlagValues } from '../flags/flag.ts';
import { newCommand } from '../flags/help.ts';
import { wholeBetween } from '../flags/values.ts';
import { stopSignals } from '../stop-signals.ts';

const DEFAULT_FOLDER = 'runs';

const dashboardFlags = flagTable({
  port: { takes: '<n>', parse: wholeBetween(0, 65_535), help: 'port on this machine; 0 takes a free one', default: 0 },
  open: { help: 'open the page in the browser', default: false as boolean },
});

/** `dashboard`: the page of runs on disk, finished or not. */
export function dashboardCommand(): Command {
  const command = newCommand('dashboard')
    .description('show runs in a browser, finished ones and those that are training')
    .argument('[folder]', 'a folder of runs, or one run', DEFAULT_FOLDER);
  return addFlags(command, dashboardFlags)
    .addHelpText(
      'after',
      `
It serves this machine alone, until Ctrl-C.

Examples:
  $ convoy dashboard
  $ convoy dashboard runs/20261124-051200-lesson-3f9a --open`,
    )
    .action(showDashboard);
}

async function showDashboard(folder: string, flags: FlagValues<typeof dashboardFlags>): Promise<void> {
  if (!existsSync(folder) || !statSync(folder).isDirectory()) {
    throw new OperatorError(`there is no folder ${folder}: name the folder that your runs are in`, {
      exitCode: exitCodes.data,
    });
  }
  const { signal } = stopSignals();
  const note = (line: string) => process.stderr.write(`${line}\n`);
  const page = await openPage(runsIn(folder), { port: flags.port, onFault: faultsTo(note) });
  try {
    process.stdout.write(`${page.url}\n`);
    note(`the runs in ${folder}; Ctrl-C ends`);
    if (flags.open) openBrowser(page.url, note);
    if (!signal.aborted) await once(signal, 'abort');
  } finally {
    await page.close();
  }
}

/** Asks the system for its browser. */
function openBrowser(url: string, note: (line: string) => void): void {
  const [program, ...args] =
    process.platform === 'darwin' ? ['open'] : process.platform === 'win32' ? ['cmd', '/c', 'start'] : ['xdg-open'];
  const child = spawn(program!, [...args, url], { stdio: 'ignore', detached: true });
  child.on('error', () => note(`${program} is not there: open ${url} yourself`));
  child.unref();
}
