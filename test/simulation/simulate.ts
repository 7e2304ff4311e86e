import { Agenda } from './agenda.ts';
import { SimulationFailure, promise } from './failure.ts';
import { Ledger, type Divisor } from './ledger.ts';
import { realMachine, type MachineClass } from './machine.ts';
import { SCHEDULES_PER_PROBLEM, problemOf } from './problem.ts';
import { referenceOf } from './reference.ts';
import { Schedule } from './schedule.ts';
import { SimulatedServer } from './simulated-server.ts';

export interface SimulationOptions {
  readonly machine?: MachineClass;
  readonly divisor?: Divisor;
  /** Gets a line for everything that happens. */
  readonly trace?: (line: string) => void;
}

export interface Simulated {
  readonly virtualMs: number;
  /** How often each effect was ordered. */
  readonly effects: ReadonlyMap<string, number>;
}

/** Two simulated processes that send each other messages without end would never pass the deadline. */
const MAX_HAPPENINGS = 2_000_000;

/**
 * Runs one training on a virtual clock, with all that befalls it under its seed.
 * @throws SimulationFailure naming the promise that was broken, and how to see how it came to that.
 */
export function simulate(
  seed: number,
  { machine = realMachine, divisor = bySamples, trace }: SimulationOptions = {},
): Simulated {
  const agenda = new Agenda();
  try {
    const given = problemOf(seed);
    const isUndisturbed = seed % SCHEDULES_PER_PROBLEM === 0;
    const problem = isUndisturbed ? { ...given, options: { ...given.options, minWorkers: 1 } } : given;
    const ledger = new Ledger(problem, referenceOf(problem), divisor);
    const timed = trace ? (line: string) => trace(`${(agenda.nowMs / 1000).toFixed(3).padStart(9)} ${line}`) : null;
    timed?.(JSON.stringify(problem));
    const server = new SimulatedServer({ agenda, problem, ledger, machine, trace: timed });
    const schedule = new Schedule(seed, { agenda, problem, server, trace: timed });
    server.start();
    for (let happenings = 0; server.outcome === null || server.outcome === 'interrupted'; happenings++) {
      promise(happenings < MAX_HAPPENINGS, () => 'it goes on and on');
      const wakeAtMs = server.wakeAtMs;
      promise(
        Math.min(wakeAtMs, agenda.nextAtMs) <= schedule.deadlineMs,
        () => `it has not ended ${schedule.deadlineMs} ms after its start, though nothing is wrong any more`,
      );
      if (agenda.nextAtMs <= wakeAtMs) agenda.advance();
      else {
        agenda.nowMs = wakeAtMs;
        server.tick();
      }
    }
    return { virtualMs: agenda.nowMs, effects: server.counts };
  } catch (error) {
    const { message, name } = error as Error;
    const what = error instanceof SimulationFailure ? message : `${name}: ${message}`;
    throw new SimulationFailure(
      `seed ${seed}, at ${agenda.nowMs} ms: ${what}\n  npx tsx test/simulation/replay.ts ${seed}`,
      { cause: error },
    );
  }
}

function bySamples(samples: number): number {
  return samples;
}
