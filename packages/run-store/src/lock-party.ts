import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** The process that takes part, and what it can know of others: a test brings its own. */
export interface LockParty {
  readonly pid: number;
  readonly host: string;
  readonly processSpace: string | null;
  /** When a process of this machine started; null when it can't be told, undefined when there is no such process. */
  readonly startTimeOf: (pid: number) => string | null | undefined;
  /** Calls back every `intervalMs` until the returned function is called; keeps no process alive. */
  readonly every: (intervalMs: number, callback: () => Promise<void>) => () => void;
}

/** This process as it is. */
export const thisProcess: LockParty = {
  pid: process.pid,
  host: hostname(),
  processSpace: processSpace(),
  startTimeOf,
  every(intervalMs, callback) {
    const timer = setInterval(() => void callback(), intervalMs);
    timer.unref();
    return () => clearInterval(timer);
  },
};

function startTimeOf(pid: number): string | null | undefined {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it exists and is another user's.
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return undefined;
  }
  try {
    // proc(5): field 22 is the start time. The name, field 2, may hold spaces and parentheses.
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    // A zombie has ended; its parent has not been told.
    return fields[0] === 'Z' ? undefined : fields[19]!;
  } catch {
    return null;
  }
}

/** Two containers of one machine have one host name perhaps, and two spaces; a machine that started anew has another. */
function processSpace(): string | null {
  try {
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return null;
  }
}
