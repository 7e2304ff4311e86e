import { readRunEvents } from '@convoy/convoy/history';
import { shellCommand } from '@convoy/convoy/shell-command';
import { WorkerList, type ShownWorker } from '@convoy/dashboard/replay/worker-list';
import { programName } from '@convoy/infra/program-name';
import { countOf } from '@convoy/protocol/event-words';
import type { RunEvent } from '@convoy/protocol/run-events';
import type { RunStatus, WorkerStatus } from '@convoy/protocol/run-status';
import { readConfig } from '@convoy/run-store/run-folder';
import { serverOf } from '@convoy/run-store/run-lock';
import { RunWatch } from '@convoy/server/run-watch';

/**
 * How a run stands, by its folder: it may be training, over, or left by a process that is gone. All but the workers' pace is known
 * from its log.
 * @returns also who serves it or when it was heard of last, and what to type next.
 * @throws OperatorError when the folder is no run's, or its log is damaged.
 */
export async function statusInFolder(
  runFolder: string,
): Promise<{ readonly status: RunStatus; readonly notes: readonly string[] }> {
  // Asked before the log is read: what its last server wrote is there by then.
  const server = await serverOf(runFolder);
  const events = readRunEvents(runFolder);
  const watch = new RunWatch();
  const workers = new WorkerList();
  for (const event of events) {
    watch.see(event);
    workers.see(event);
  }
  const last = events.at(-1);
  const end = last?.type === 'run-ended' ? last : null;
  const isLeft = end === null && server === null;
  const ended = isLeft ? 'no process serves it, and it has not come to its end' : end && `it ended: ${end.reason}`;
  const standing: Omit<RunStatus, 'workers'> = { ...watch.status(ended), ...(isLeft ? { state: 'left' } : {}) };
  const here =
    server === null
      ? []
      : workers.all.filter(({ state }) => state !== 'gone').map((worker) => workerStatus(worker, standing.state));
  return { status: { ...standing, workers: here }, notes: notesOf(runFolder, server, last, end) };
}

function notesOf(
  runFolder: string,
  server: string | null,
  last: RunEvent | undefined,
  end: Extract<RunEvent, { type: 'run-ended' }> | null,
): readonly string[] {
  const next = (...words: string[]) => shellCommand([...programName(), ...words, runFolder]);
  const { dataset } = readConfig(runFolder);
  // The run's folder doesn't say where the file is.
  const workload = dataset.name === 'workload' ? ` --workload FILE, the file of the workload ${dataset.workload}` : '';
  if (end === null && server !== null) {
    return [`served by ${server}`, `look on with: ${next('logs', '--follow')}`];
  }
  const at = last === undefined ? null : new Date(last.at).toISOString();
  if (end === null) {
    return [...(at === null ? [] : [`its last event is of ${at}`]), `go on with: ${next('resume')}${workload}`];
  }
  const ended = `${end.outcome} ${at}: ${countOf(end.steps, 'step')} in ${end.seconds.toFixed(0)} s, ${end.samplesPerSecond.toFixed(0)} samples/s`;
  return [
    ended,
    end.outcome === 'completed' ? `see it with: ${next('history')}` : `go on with: ${next('resume')}${workload}`,
  ];
}

const STATES: Readonly<Record<Exclude<ShownWorker['state'], 'gone'>, WorkerStatus['state']>> = {
  here: 'computing',
  suspect: 'away',
  quarantined: 'idle',
};

/** Its pace, and whether it computes at this moment, is known to the process that serves the run alone. */
function workerStatus({ rank, name, engine, state }: ShownWorker, run: RunStatus['state']): WorkerStatus {
  const isStill = state === 'here' && run === 'paused';
  return {
    rank,
    name,
    engine,
    origin: '',
    state: state === 'gone' ? 'away' : isStill ? 'idle' : STATES[state],
    samplesPerSecond: null,
    lease: null,
  };
}
