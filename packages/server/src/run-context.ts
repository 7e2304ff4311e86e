import type { RunConfig } from '@convoy/protocol/run-config';
import type { Machine, RunFact } from '@convoy/protocol/run-events';
import type { ParameterLayout } from '@convoy/training/optimizer/optimizer';
import type { RunPlan } from '@convoy/training/sampling';
import type { Clock } from './clock.ts';

/** A run, and the process that serves it now. */
export interface RunIdentity {
  readonly run: string;
  /** Names this process's turn at the run: random per start. */
  readonly incarnation: string;
}

/** What is trained: how many samples and steps, which parameters, which data. */
export interface RunLayout {
  readonly plan: RunPlan;
  readonly model: ParameterLayout & {
    readonly hash: string;
    readonly parameterCount: number;
    readonly trainableCount: number;
  };
  readonly dataFingerprint: string;
}

/** What everything in a run's server may need. Made before anything else, and the same to the end. */
export interface RunContext {
  readonly identity: RunIdentity;
  readonly config: RunConfig;
  readonly layout: RunLayout;
  /** Writes a fact to the run's log and tells the operator. */
  readonly report: (fact: RunFact) => void;
  readonly clock: Clock;
  /** What the coordinator runs on, where it is told in the run's log. */
  readonly machine?: Machine;
}
