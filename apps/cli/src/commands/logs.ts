import { once } from 'node:events';
import { InvalidArgumentError, type Command } from 'commander';
import { eventLinesOf } from '@convoy/convoy/operate';
import { exitCodes } from '@convoy/protocol/errors';
import { countOf } from '@convoy/protocol/event-words';
import type { RunEvent } from '@convoy/protocol/run-events';
import { colorsFor } from '../colors.ts';
import { addFlags, flagTable, type FlagValues } from '../flags/flag.ts';
import { newCommand } from '../flags/help.ts';
import { callerFlags, coordinatorAt, isAddress } from '../flags/network.ts';
import { positiveInteger, wholeNumber } from '../flags/values.ts';
import { EventFilter } from '../logs/event-filter.ts';
import { logLines } from '../logs/log-lines.ts';
import { toldLine } from '../logs/told-line.ts';
import { runFlag, runNamedOrNewest } from '../run-argument.ts';
import { stopSignals } from '../stop-signals.ts';

const logsFlags = flagTable({
  ...runFlag,
  follow: { help: 'go on as events come, until the run ends', default: false as boolean },
  lines: { takes: '<n>', parse: positiveInteger, help: 'only the last n lines, before those that come' },
  since: {
    takes: '<time>',
    parse: sinceTime,
    help: 'only events since a time, such as 30s, 10m, 2h, 1d or 2026-11-24T05:12',
  },
  worker: { takes: '<rank>', parse: wholeNumber, help: 'only events of this worker' },
  type: {
    takes: '<types>',
    parse: (text: string, before: readonly string[] | undefined) => [...(before ?? []), ...text.split(',')],
    help: 'only events of these types, such as step,evaluated: also those that are only figures',
  },
  json: { help: 'the lines of events.jsonl as they are', default: false as boolean },
  ...callerFlags,
});
type LogsFlags = FlagValues<typeof logsFlags>;

/** `logs`: what happened in a run, in words. */
export function logsCommand(): Command {
  const command = newCommand('logs')
    .description('print what happened in a run, in words and with its time')
    .argument('[run]', "the run's folder, or the coordinator's address; without, the newest run in runs");
  return addFlags(command, logsFlags)
    .addHelpText(
      'after',
      `
Examples:
  $ convoy logs
  $ convoy logs runs/20261124-051200-quick-3f9a --worker 1 --since 10m
  $ convoy logs runs/20261124-051200-quick-3f9a --type step,evaluated --json
  $ convoy logs wss://192.0.2.10:7311 --tls-fingerprint sha256:… --follow     with a viewer's token in CONVOY_TOKEN`,
    )
    .action(printLogs);
}

async function printLogs(named: string | undefined, flags: LogsFlags, command: Command): Promise<void> {
  const run = runNamedOrNewest(named, flags, command);
  const signal = AbortSignal.any([stopSignals().signal, readerIsGone()]);
  const coordinator = isAddress(run) ? coordinatorAt(run, flags, 'viewer') : null;
  const read = (from: number, follows: boolean) =>
    coordinator === null
      ? logLines(run, { from, follows, signal })
      : eventLinesOf(coordinator, { from, follows, signal });
  const { since, worker, type: types = [], json, lines: most = Infinity } = flags;
  const filter = new EventFilter({ sinceMs: since, worker, types });
  const colors = colorsFor(process.stdout);
  let damaged = 0;
  const told = (line: string): string | null => {
    const event = eventIn(line);
    try {
      if (event !== null) return !filter.takes(event) ? null : json ? line : toldLine(event, colors, types.length > 0);
    } catch {
      // An event of a known type without its fields.
    }
    damaged++;
    return null;
  };
  try {
    let count = 0;
    const last: string[] = [];
    for await (const line of read(0, false)) {
      count++;
      const text = told(line);
      if (text === null) continue;
      last.push(text);
      // All that came before is not wanted, or has been written.
      if (last.length <= most && most !== Infinity) continue;
      const first = last.shift()!;
      if (most === Infinity) await write(first, signal);
    }
    for (const text of last) await write(text, signal);
    if (!flags.follow) return;
    for await (const line of read(count, true)) {
      const text = told(line);
      if (text !== null) await write(text, signal);
    }
  } catch (error) {
    // Whoever ended it has seen enough.
    if (!signal.aborted) throw error;
  } finally {
    if (damaged > 0) tellOfDamage(run, damaged);
  }
}

/** The lines that can be read were worth printing; that others are missing is told, and is no success. */
function tellOfDamage(run: string, damaged: number): void {
  const are = damaged === 1 ? 'is damaged and is' : 'are damaged and are';
  process.stderr.write(`convoy: ${countOf(damaged, 'line')} in the log of ${run} ${are} left out\n`);
  process.exitCode = exitCodes.data;
}

/** Writes a line when there is room for it. @throws what the signal says. */
async function write(text: string, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  if (!process.stdout.write(`${text}\n`)) await once(process.stdout, 'drain', { signal });
}

/** Aborts when nobody reads what is printed any more. */
function readerIsGone(): AbortSignal {
  const gone = new AbortController();
  process.stdout.once('error', () => gone.abort());
  return gone.signal;
}

/** The event of a line; null for one that was damaged. */
function eventIn(line: string): RunEvent | null {
  try {
    const event = JSON.parse(line) as RunEvent;
    return typeof event.at === 'number' && typeof event.type === 'string' ? event : null;
  } catch {
    return null;
  }
}

const UNITS_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** So long ago, or a date. @returns milliseconds since the Unix epoch. */
function sinceTime(text: string): number {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)([smhd])$/.exec(text) ?? [];
  if (amount !== undefined) return Date.now() - Number(amount) * UNITS_MS[unit!]!;
  const at = Date.parse(text);
  if (!Number.isNaN(at)) return at;
  throw new InvalidArgumentError('It must be 30s, 10m, 2h, 1d or a date such as 2026-11-24T05:12.');
}
