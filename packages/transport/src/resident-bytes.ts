let last = 0;

/** Memory that this process has in use; what it was before where it can't be read now: without a free descriptor, say. */
export function residentBytes(): number {
  try {
    last = process.memoryUsage.rss();
  } catch {
    // A figure for a display is no reason to end a run.
  }
  return last;
}
