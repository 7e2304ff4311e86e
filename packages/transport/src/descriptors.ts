import { readdirSync, readFileSync } from 'node:fs';

/** Kept for what is not a socket: checkpoints, the log, workers' pipes, libraries. A quarter of the limit where that is less. */
const RESERVED = 256;

/**
 * How many sockets this process may hold so that its own files can still be opened. Node raises the soft limit to the hard one by itself.
 * @returns Infinity where the limit can't be read (outside Linux).
 */
export function affordableSockets(): number {
  let limits: string;
  let open: number;
  try {
    limits = readFileSync('/proc/self/limits', 'utf8');
    open = readdirSync('/proc/self/fd').length;
  } catch {
    return Infinity;
  }
  return affordable(limits, open);
}

/** @param limits the text of /proc/self/limits. @param open descriptors in use. */
export function affordable(limits: string, open: number): number {
  const soft = Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? Infinity);
  return Math.max(1, soft - open - Math.min(RESERVED, Math.ceil(soft / 4)));
}
