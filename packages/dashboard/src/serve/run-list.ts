import { closeSync, existsSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { exitCodes, OperatorError } from '@convoy/protocol/errors';
import { EVENTS_FILE } from '@convoy/run-store/event-log';
import { serverOf } from '@convoy/run-store/run-lock';
import type { ListedRun } from '../replay/listed-run.ts';
import { Replay } from '../replay/replay.ts';

/** The runs that can be looked at. */
export interface RunSource {
  /** As their logs tell. */
  readonly list: () => readonly ListedRun[];
  /** The folder of a run; null where there is none of that name. @param name null for the only one. */
  readonly folderOf: (name: string | null) => string | null;
}

/** Of each end of a log: enough for a list. */
const END_BYTES = 64 * 1024;
/** Lines that say nothing about a list, and are long: more of the log's end is read, so that others are among it. */
const TAIL_BYTES = 512 * 1024;
const IS_BULKY = /^\{"at":\d+,"type":"(?:sample-image|predictions|layers|filters)"/;
/** Runs in a list: the newest. */
const MAX_LISTED = 500;

/** One run. */
export function oneRun(folder: string): RunSource {
  const name = basename(resolve(folder));
  return {
    list: () => [listedRun(name, join(folder, EVENTS_FILE))],
    folderOf: (wanted) => (wanted === null || wanted === name ? folder : null),
  };
}

/** The runs in a folder, or the one that it is of. Folders are looked for anew each time. @throws OperatorError without such a folder. */
export function runsIn(folder: string): RunSource {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    throw new OperatorError(`there is no folder ${folder}: name the folder that your runs are in`, {
      exitCode: exitCodes.data,
    });
  }
  if (existsSync(join(folder, EVENTS_FILE))) return oneRun(folder);
  const listed = new Map<string, { readonly stamp: string; readonly run: ListedRun }>();
  const logOf = (name: string) => join(folder, name, EVENTS_FILE);
  return {
    list() {
      const runs = readdirSync(folder).flatMap((name) => {
        const stats = statSync(logOf(name), { throwIfNoEntry: false });
        return stats === undefined ? [] : [{ name, changedMs: stats.mtimeMs, stamp: `${stats.mtimeMs} ${stats.size}` }];
      });
      runs.sort((a, b) => b.changedMs - a.changedMs);
      return runs.slice(0, MAX_LISTED).map(({ name, stamp }) => {
        const known = listed.get(name);
        if (known?.stamp === stamp) return known.run;
        const run = listedRun(name, logOf(name));
        listed.set(name, { stamp, run });
        return run;
      });
    },
    folderOf(name) {
      // A name and nothing that leads elsewhere.
      const isName = name !== null && name !== '' && basename(name) === name && name !== '..' && name !== '.';
      return isName && existsSync(logOf(name)) ? join(folder, name) : null;
    },
  };
}

/** A list of runs in which those that a process left without an end are told from those that are going on. */
export function listedRuns(runs: RunSource): Promise<readonly ListedRun[]> {
  return Promise.all(
    runs.list().map(async (run): Promise<ListedRun> => {
      const folder = runs.folderOf(run.name);
      // The log tells of an end.
      const isGoingOn = run.state === 'ended' || folder === null || (await serverOf(folder)) !== null;
      return isGoingOn ? run : { ...run, state: 'left' };
    }),
  );
}

/** What the two ends of a log tell of its run. */
function listedRun(name: string, log: string): ListedRun {
  const replay = new Replay();
  for (const line of endsOf(log)) if (!IS_BULKY.test(line)) replay.readLine(line);
  const finite = (value: number | undefined) => (value === undefined || !Number.isFinite(value) ? null : value);
  return {
    name,
    state: replay.state.name,
    step: replay.step,
    totalSteps: replay.totalSteps,
    startedAt: replay.startedAt,
    lastAt: replay.lastAt,
    metric: replay.metric,
    validationMetric: finite(replay.validations.at(-1)?.metric),
    testMetric: finite(replay.tests.at(-1)?.metric),
  };
}

/** The first lines of a file and the last, each of them whole. */
function endsOf(path: string): readonly string[] {
  const file = openSync(path, 'r');
  try {
    const read = (at: number, bytes: number) => {
      const piece = Buffer.allocUnsafe(bytes);
      return piece.toString('utf8', 0, readSync(file, piece, 0, bytes, at));
    };
    const size = statSync(path).size;
    const head = read(0, END_BYTES);
    if (size <= END_BYTES) return wholeLines(head);
    const from = Math.max(END_BYTES, size - TAIL_BYTES);
    const tail = read(from, TAIL_BYTES);
    if (from === END_BYTES) return wholeLines(head + tail);
    // The first line of a tail is the end of one.
    return [...wholeLines(head), ...newestOf(wholeLines(tail).slice(1))];
  } finally {
    closeSync(file);
  }
}

/** The last lines that are not bulky: as many as {@link END_BYTES} have room for. */
function newestOf(lines: readonly string[]): readonly string[] {
  const telling = lines.filter((line) => !IS_BULKY.test(line));
  let bytes = 0;
  const start = telling.findLastIndex((line) => (bytes += line.length + 1) > END_BYTES);
  return telling.slice(start + 1);
}

function wholeLines(text: string): readonly string[] {
  return text.split('\n').slice(0, -1);
}
