import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { byResults, machineOf, mutants } from './mutants.ts';
import { simulate, type SimulationOptions } from './simulate.ts';

/** Trainings within which every mistake must show. */
const SEEDS = 10_000;
/** They compute all the while: half a minute on a core of one's own, and on a busy machine as much longer as it is busy. */
const timeout = 20 * 60_000;

interface Failure {
  readonly seed: number;
  readonly message: string;
}

/** The first training that a mistake spoils, and what it says. */
async function firstFailure(options: SimulationOptions): Promise<Failure | null> {
  for (let seed = 0; seed < SEEDS; seed++) {
    // Vitest gives up a process that does not answer it for a minute.
    if (seed % 200 === 0) await turn();
    try {
      simulate(seed, options);
    } catch (error) {
      return { seed, message: (error as Error).message };
    }
  }
  return null;
}

/** Keeps the promise where a mistake breaks it: so it is the mistake that is caught. */
function expectCaught(name: string, failure: Failure | null): void {
  expect(failure, `no training of ${SEEDS} shows it`).not.toBeNull();
  console.log(`${String(failure!.seed + 1).padStart(5)} trainings: ${name}\n      ${failure!.message.split('\n')[0]}`);
  for (let seed = Math.max(0, failure!.seed - 20); seed <= failure!.seed; seed++) simulate(seed);
}

describe('the simulation catches a coordinator that', () => {
  it.each(mutants)('$name', { timeout }, async (mutant) => {
    expectCaught(mutant.name, await firstFailure({ machine: await machineOf(mutant) }));
  });

  it('weights by results instead of samples', { timeout }, async () => {
    expectCaught('weights by results', await firstFailure(byResults));
  });
});
