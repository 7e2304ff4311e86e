import { useEffect, useState } from 'preact/hooks';
import type { RunStatus, WorkerStatus } from '@convoy/protocol/run-status';

/** The coordinator is asked this often. */
const ASK_EVERY_MS = 2_000;
const NOBODY: ReadonlyMap<number, WorkerStatus> = new Map();

/** What the coordinator says of its workers, by their ranks; nothing of a run that is only on disk. */
export function useLiveWorkers(isLive: boolean): ReadonlyMap<number, WorkerStatus> {
  const [workers, setWorkers] = useState(NOBODY);
  useEffect(() => {
    setWorkers(NOBODY);
    if (!isLive) return;
    let timer = 0;
    let isOver = false;
    const ask = async () => {
      const answer = await fetch('v1/status').catch(() => null);
      if (answer === null || !answer.ok || isOver) return;
      const status = (await answer.json()) as RunStatus | null;
      // Runs on disk have no coordinator.
      if (status === null || isOver) return;
      setWorkers(new Map(status.workers.map((worker) => [worker.rank, worker])));
      timer = setTimeout(ask, ASK_EVERY_MS);
    };
    void ask();
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [isLive]);
  return workers;
}
