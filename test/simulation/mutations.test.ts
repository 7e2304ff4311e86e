import { describe, expect, it } from 'vitest';
import { byResults, machineOf, mutants } from './mutants.ts';
import { simulate, type SimulationOptions } from './simulate.ts';

/** Trainings within which every mistake must show. */
const SEEDS = 10_000;

/** The first training that a mistake spoils, and what it says. */
function firstFailure(options: SimulationOptions): { readonly seed: number; readonly message: string } | null {
  for (let seed = 0; seed < SEEDS; seed++) {
    try {
      simulate(seed, options);
    } catch (error) {
      return { seed, message: (error as Error).message };
    }
  }
  return null;
}

/** Keeps the promise where a mistake breaks it: so it is the mistake that is caught. */
function expectCaught(name: string, failure: ReturnType<typeof firstFailure>): void {
  expect(failure, `no training of ${SEEDS} shows it`).not.toBeNull();
  console.log(`${String(failure!.seed + 1).padStart(5)} trainings: ${name}\n      ${failure!.message.split('\n')[0]}`);
  for (let seed = Math.max(0, failure!.seed - 20); seed <= failure!.seed; seed++) simulate(seed);
}

describe('the simulation catches a coordinator that', () => {
  it.each(mutants)('$name', async (mutant) => {
    expectCaught(mutant.name, firstFailure({ machine: await machineOf(mutant) }));
  });

  it('weights by results instead of samples', () => {
    expectCaught('weights by results', firstFailure(byResults));
  });
});
