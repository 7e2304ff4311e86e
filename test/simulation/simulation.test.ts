import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { simulate } from './simulate.ts';
import { SCHEDULES_PER_PROBLEM } from './problem.ts';

/** For a long hunt: CONVOY_SIMULATIONS=1000000, and CONVOY_FIRST_SIMULATION to begin elsewhere. */
const trainings = Number(process.env['CONVOY_SIMULATIONS'] ?? 10_000);
const first = Number(process.env['CONVOY_FIRST_SIMULATION'] ?? 0);

describe('simulated trainings', () => {
  it(
    'end, with every sample applied once and the same parameters and evaluations, whatever befalls their clusters',
    async () => {
      const effects = new Map<string, number>();
      for (let seed = first; seed < first + trainings; seed++) {
        // Vitest gives up a process that does not answer it for a minute.
        if (seed % 200 === 0) await turn();
        for (const [type, count] of simulate(seed).effects) effects.set(type, (effects.get(type) ?? 0) + count);
      }
      // A simulation in which something never happens says nothing about it.
      for (const type of [
        'skip',
        'retry',
        'cancel',
        'release',
        'quarantine',
        'expel',
        'stall',
        'wait',
        'pause',
        'checkpoint',
        'requested checkpoint',
        'training-ended',
        'parameters-replaced',
      ]) {
        expect(effects.get(type) ?? 0, type).toBeGreaterThan(trainings / 100);
      }
    },
    Infinity,
  );

  it('repeat exactly under the same seed', () => {
    for (let seed = SCHEDULES_PER_PROBLEM + 1; seed < 2 * SCHEDULES_PER_PROBLEM; seed++) {
      const traces = [[], []] as [string[], string[]];
      for (const trace of traces) simulate(seed, { trace: (line) => trace.push(line) });
      expect(traces[0].length).toBeGreaterThan(50);
      expect(traces[1]).toEqual(traces[0]);
    }
  });
});
