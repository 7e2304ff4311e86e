import { readFileSync } from 'node:fs';

const TICK_MS = 10;

/** Processor time of the whole machine since it started, everybody's; null where there is no /proc. */
export function machineCpuMs(): number | null {
  try {
    return busyMs(readFileSync('/proc/stat', 'utf8'));
  } catch {
    return null;
  }
}

/** @param stat of /proc/stat, whose first line counts ticks: user nice system idle iowait irq softirq steal … (proc_stat(5)). */
export function busyMs(stat: string): number {
  const [user, nice, system, , , irq, softirq, steal] = stat
    .slice(0, stat.indexOf('\n'))
    .split(/ +/)
    .slice(1)
    .map(Number);
  return TICK_MS * (user! + nice! + system! + irq! + softirq! + steal!);
}
