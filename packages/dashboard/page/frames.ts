/** Of a frame's 16 ms, so many may pass before the last drawing in it begins. */
const BUDGET_MS = 5;

const waiting = new Set<() => void>();
let frame = 0;

/**
 * Draws in one of the next frames: many charts at once would take longer than a frame has. What waits already waits once.
 */
export function inSomeFrame(draw: () => void): void {
  waiting.add(draw);
  frame ||= requestAnimationFrame(() => void drawSome());
}

async function drawSome(): Promise<void> {
  const until = performance.now() + BUDGET_MS;
  for (const draw of waiting) {
    waiting.delete(draw);
    draw();
    // uPlot draws behind what is running: still in this frame.
    await null;
    if (performance.now() > until) break;
  }
  frame = waiting.size === 0 ? 0 : requestAnimationFrame(() => void drawSome());
}
