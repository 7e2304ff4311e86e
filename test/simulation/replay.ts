// npx tsx test/simulation/replay.ts SEED
//
// Runs one simulated training and prints everything that happens in it: the faults, the coordinator's events, and the
// effects it answers them with (→). Ends with 1 when a promise is broken.
import { SimulationFailure } from './failure.ts';
import { simulate } from './simulate.ts';

const seed = Number(process.argv[2]);
if (!Number.isSafeInteger(seed) || seed < 0) {
  console.error('which seed? npx tsx test/simulation/replay.ts SEED');
  process.exit(2);
}
try {
  const { virtualMs } = simulate(seed, { trace: (line) => console.log(line) });
  console.log(`seed ${seed} keeps every promise; it ends after ${virtualMs} ms`);
} catch (error) {
  if (!(error instanceof SimulationFailure)) throw error;
  const cause = error.cause instanceof SimulationFailure ? '' : `\n${(error.cause as Error).stack}`;
  console.log(error.message + cause);
  process.exitCode = 1;
}
