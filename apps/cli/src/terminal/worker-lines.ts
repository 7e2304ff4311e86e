import { countOf } from '@convoy/protocol/event-words';
import type { WorkerStatus } from '@convoy/protocol/run-status';
import type { Colors } from '../colors.ts';
import { columnsOf, cut, padEnd, padStart } from './columns.ts';

/** A worker as it is shown. */
export interface ShownWorker {
  readonly rank: number;
  readonly name: string;
  readonly engine: string;
  readonly state: WorkerState;
  /** Null before its first result. */
  readonly samplesPerSecond: number | null;
  /** Results of steps that counted, since this process began. */
  readonly leasesDone: number;
}

export type WorkerState = 'computing' | 'waiting' | 'leaving' | 'suspected' | 'gone';

/** As `convoy status` has them, and here. */
const STATES: Readonly<Record<WorkerStatus['state'], WorkerState>> = {
  computing: 'computing',
  idle: 'waiting',
  leaving: 'leaving',
  away: 'suspected',
};
const TROUBLED: ReadonlySet<WorkerState> = new Set(['leaving', 'suspected', 'gone']);
const STATE_COLUMNS = 'computing'.length;
/** What is left of a worker's name before its engine is given up. */
const NAME_COLUMNS = 12;
/** Less than that says nothing. */
const LEAST_NAME = 4;
const GAP = '  ';

export function shownWorker(
  { rank, name, engine, state, samplesPerSecond }: WorkerStatus,
  leasesDone: number,
): ShownWorker {
  return { rank, name, engine, state: STATES[state], samplesPerSecond, leasesDone };
}

/**
 * A line for each worker, in the order of their ranks, and one that counts those for which there is none: whoever has trouble is shown
 * first.
 */
export function workerLines(
  workers: readonly ShownWorker[],
  columns: number,
  maxLines: number,
  colors: Colors,
): readonly string[] {
  if (workers.length === 0 || maxLines < 1) return [];
  const count = workers.length <= maxLines ? workers.length : maxLines - 1;
  const byTrouble = [...workers].sort(
    (a, b) => Number(TROUBLED.has(b.state)) - Number(TROUBLED.has(a.state)) || a.rank - b.rank,
  );
  const shown = byTrouble.slice(0, count).sort((a, b) => a.rank - b.rank);
  const rest = byTrouble.slice(count);
  const lines = rows(shown, columns, colors);
  if (rest.length === 0) return lines;
  const more = `${count === 0 ? '' : '+ '}${rest.length}${count === 0 ? ' workers' : ' more'}: ${stateCounts(rest)}`;
  return [...lines, colors.dim(cut(more, columns))];
}

/** Columns of a worker's line: what matters most has room for longest. */
function rows(workers: readonly ShownWorker[], columns: number, colors: Colors): readonly string[] {
  const rates = workers.map(({ samplesPerSecond }) =>
    samplesPerSecond === null ? '' : `${samplesPerSecond.toFixed(0)} samples/s`,
  );
  const widest = (texts: readonly string[]) => Math.max(0, ...texts.map(columnsOf));
  const rankColumns = widest(workers.map(({ rank }) => String(rank)));
  const rateColumns = widest(rates);
  const hasRates = rateColumns > 0 && rankColumns + STATE_COLUMNS + rateColumns + 3 * GAP.length + 4 <= columns;
  const fixed = rankColumns + GAP.length + STATE_COLUMNS + (hasRates ? GAP.length + rateColumns : 0);
  const room = columns - fixed - GAP.length;
  const names = widest(workers.map(({ name }) => name));
  const engines = widest(workers.map(({ engine }) => engine));
  const hasEngines = Math.min(names, NAME_COLUMNS) + GAP.length + engines <= room;
  const leases = workers.map(({ leasesDone }) => countOf(leasesDone, 'lease'));
  const leaseColumns = widest(leases);
  // Shown where there is room for everything else.
  const hasLeases = hasEngines && hasRates && names + engines + leaseColumns + 2 * GAP.length <= room;
  const nameColumns = Math.max(0, Math.min(names, hasEngines ? room - GAP.length - engines : room));
  return workers.map(({ rank, name, engine, state }, at) => {
    const cells = [
      colors.dim(padStart(String(rank), rankColumns)),
      ...(nameColumns >= Math.min(names, LEAST_NAME) ? [padEnd(cut(name, nameColumns), nameColumns)] : []),
      ...(hasEngines ? [colors.dim(padEnd(engine, engines))] : []),
      stateColor(state, colors)(padEnd(state, STATE_COLUMNS)),
      ...(hasRates ? [padStart(rates[at]!, rateColumns)] : []),
      ...(hasLeases ? [colors.dim(padStart(leases[at]!, leaseColumns))] : []),
    ];
    return cells.join(GAP);
  });
}

function stateCounts(workers: readonly ShownWorker[]): string {
  const counts = new Map<WorkerState, number>();
  for (const { state } of workers) counts.set(state, (counts.get(state) ?? 0) + 1);
  return [...counts].map(([state, count]) => `${count} ${state}`).join(', ');
}

function stateColor(state: WorkerState, colors: Colors): (text: string) => string {
  if (state === 'computing') return colors.green;
  return state === 'waiting' ? colors.dim : state === 'gone' ? colors.red : colors.yellow;
}
