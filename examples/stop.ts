// node --import tsx examples/stop.ts [convoy.json]
//
// Trains until Ctrl-C, or for a minute at most, and then goes on with the run in the same process, to its end.
import { train } from 'tfjs-convoy';

const interruption = new AbortController();
process.once('SIGINT', () => interruption.abort(new Error('Ctrl-C')));

const run = train({
  config: process.argv[2],
  single: true,
  signal: AbortSignal.any([interruption.signal, AbortSignal.timeout(60_000)]),
});
for await (const event of run) {
  if (event.type === 'step') console.log(`step ${event.step} is done`);
}
const { outcome, reason, steps, folder } = await run.result;
console.log(`${outcome} after ${steps} steps: ${reason}`);

// Aborting left a checkpoint: nothing is computed twice, and the end is the same as without the interruption.
if (outcome === 'interrupted') {
  const again = await train({ resume: folder, single: true }).result;
  console.log(`${again.outcome} after ${again.steps} steps: sha256 ${again.parametersSha256}`);
}
