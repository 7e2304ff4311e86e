/** How it begins, below a line of equals signs. */
const GREETING = /^\s*=+\s*Hi, looks like you are running TensorFlow\.js in Node/;
let depth = 0;
let restore = () => {};

/**
 * Keeps TensorFlow.js's advice to install its native backend off the terminal while a workload's code runs: a model that is
 * built on its plain backend is computed by Convoy's engine.
 */
export async function withoutGreeting<Value>(run: () => Value | Promise<Value>): Promise<Value> {
  if (depth++ === 0) restore = mute();
  try {
    return await run();
  } finally {
    if (--depth === 0) restore();
  }
}

/** @returns what brings `warn` back, unless somebody else has replaced it meanwhile. */
function mute(to: Pick<Console, 'warn'> = console): () => void {
  const { warn } = to;
  const muted = (...words: unknown[]) => {
    if (!GREETING.test(String(words[0]))) warn(...words);
  };
  to.warn = muted;
  return () => {
    if (to.warn === muted) to.warn = warn;
  };
}
