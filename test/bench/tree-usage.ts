import { readFileSync } from 'node:fs';
import type { Usage } from './processes.ts';

/** What a training's processes have used since they began. */
export interface TreeUsage {
  /** The processes that compute, together. */
  readonly workers: Usage;
  /** All others: the server, and what started it. */
  readonly server: Usage;
}

/** Linux tells processor time in these, whatever the kernel's own clock is. */
const TICK_MS = 10;
const NONE: Usage = { cpuMs: 0, pageFaults: 0 };

/**
 * Adds up what a `convoy train` and all the processes that it has started have used, as /proc says.
 * @param root the process that was started.
 * @returns null where there is no /proc.
 */
export function treeUsage(root: number): TreeUsage | null {
  let sums: TreeUsage = { workers: NONE, server: NONE };
  const pids = [root];
  for (let pid = pids.pop(); pid !== undefined; pid = pids.pop()) {
    const stat = read(`/proc/${pid}/stat`);
    if (stat === null) {
      if (pid === root) return null;
      // It has just ended.
      continue;
    }
    const isWorker = read(`/proc/${pid}/cmdline`)?.split('\0').includes('worker') ?? false;
    const used = usageOf(stat);
    sums = isWorker ? { ...sums, workers: plus(sums.workers, used) } : { ...sums, server: plus(sums.server, used) };
    const children = read(`/proc/${pid}/task/${pid}/children`) ?? '';
    pids.push(...children.split(' ').filter(Boolean).map(Number));
  }
  return sums;
}

/** What was used between two readings, per step: by the server's processes in all, and by one worker. */
export function usagePerStep(before: TreeUsage, after: TreeUsage, steps: number, workers: number): TreeUsage {
  const per = (a: Usage, b: Usage, count: number): Usage => ({
    cpuMs: (a.cpuMs - b.cpuMs) / count,
    pageFaults: (a.pageFaults - b.pageFaults) / count,
  });
  return {
    server: per(after.server, before.server, steps),
    workers: per(after.workers, before.workers, steps * workers),
  };
}

/** @param stat of /proc/PID/stat: proc_pid_stat(5) counts its fields from 1, and the name in brackets may hold spaces. */
export function usageOf(stat: string): Usage {
  const fromState = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const field = (number: number) => Number(fromState[number - 3]);
  const [minorFaults, majorFaults, userTicks, systemTicks] = [field(10), field(12), field(14), field(15)];
  return { cpuMs: TICK_MS * (userTicks + systemTicks), pageFaults: minorFaults + majorFaults };
}

function plus(a: Usage, b: Usage): Usage {
  return { cpuMs: a.cpuMs + b.cpuMs, pageFaults: a.pageFaults + b.pageFaults };
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
