const waiting = new Set<() => void>();
let frame = 0;

/**
 * Draws in a frame in which nothing else is drawn that came by here: several charts at once would take longer than a frame.
 * What waits already waits once.
 */
export function inItsFrame(draw: () => void): void {
  waiting.add(draw);
  frame ||= requestAnimationFrame(next);
}

function next(): void {
  const [draw] = waiting;
  if (draw !== undefined) waiting.delete(draw);
  frame = waiting.size === 0 ? 0 : requestAnimationFrame(next);
  draw?.();
}
