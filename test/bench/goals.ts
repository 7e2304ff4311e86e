import type { TrainingSteps } from './contenders.ts';
import { ratios, spreadOf, type Measured, type Spread } from './statistics.ts';
import type { StepCost } from './step-bench.ts';

export interface ContenderResult {
  readonly name: string;
  readonly resources: string;
  /** Images per second, one per round. */
  readonly measured: readonly Measured[];
  /** Of trainings with Convoy: what their steps were like, one entry per round that was measured. */
  readonly steps: readonly TrainingSteps[];
  /** Why there is none, or not one of every round. */
  readonly reason: string | null;
}

/** Steps that compute nothing, one cost per round. */
export interface StepResult {
  readonly workers: number;
  readonly convoy: readonly (StepCost | null)[];
  readonly raw: readonly (StepCost | null)[];
  readonly reason: string | null;
}

/** Something to be reached, and whether it was. */
export interface Goal {
  readonly name: string;
  readonly limit: number;
  readonly atLeast: boolean;
  readonly digits: number;
  /** Null where it could not be measured; `reason` says why. */
  readonly measured: Spread | null;
  readonly isMet: boolean | null;
  readonly reason: string | null;
}

/** Training: the first contender ÷ the second is to be at least so much. */
const TRAINING: readonly (readonly [string, string, number])[] = [
  ['convoy 2 workers', 'Keras fit', 1],
  ['convoy 2 workers', 'PyTorch DDP, gloo', 1.25],
  ['convoy 2 workers', 'TensorFlow ParameterServerStrategy', 1.15],
  ['convoy 2 workers', 'convoy 1 worker', 1.85],
  ['convoy one process', 'Keras fit', 0.95],
  ['compiled, gradients alone', 'stock tfjs-node, gradients alone', 1.6],
];
const DETERMINISTIC = ['convoy 2 workers, deterministic', 'convoy 2 workers', 0.95] as const;
const STEP_WORKERS = [1, 2, 4];
const STEP_RATIO = 1.4;
/** Per worker and step, in a cluster as large as the one that the ratios are about. */
const PROTOCOL_WORKERS = 2;
const PROTOCOL: readonly (readonly [string, number, (cost: StepCost) => number])[] = [
  ["the server's processor time, ms", 8, ({ server }) => server.cpuMs / PROTOCOL_WORKERS],
  ["the worker's processor time, ms", 12, ({ worker }) => worker.cpuMs],
  ['page faults of both', 100, ({ server, worker }) => server.pageFaults / PROTOCOL_WORKERS + worker.pageFaults],
];

/** Every goal, whatever was measured: one that was not says so. */
export function goalsOf(contenders: readonly ContenderResult[], steps: readonly StepResult[]): readonly Goal[] {
  const training = ([name, to, limit]: readonly [string, string, number]): Goal => {
    const [ours, theirs] = [name, to].map((wanted) => contenders.find((each) => each.name === wanted));
    const missing = reasonOf(name, ours) ?? reasonOf(to, theirs);
    const values = ratios(ours?.measured ?? [], theirs?.measured ?? []);
    return goal({ name: `${name} ÷ ${to}`, limit, atLeast: true, digits: 2 }, values, missing);
  };
  return [
    ...TRAINING.map(training),
    ...STEP_WORKERS.map((workers) => {
      const result = steps.find((each) => each.workers === workers);
      const medians = (costs: StepResult['raw'] = []) => costs.map((cost) => cost && spreadOf(cost.ms)!.median);
      const name = `step without computing ÷ raw sockets, ${countOf(workers)}`;
      const values = ratios(medians(result?.convoy), medians(result?.raw));
      return goal({ name, limit: STEP_RATIO, atLeast: false, digits: 2 }, values, reasonOf(name, result));
    }),
    ...PROTOCOL.map(([what, limit, of]) => {
      const result = steps.find(({ workers }) => workers === PROTOCOL_WORKERS);
      const name = `per step and worker of ${countOf(PROTOCOL_WORKERS)}: ${what}`;
      const values = (result?.convoy ?? []).map((cost) => cost && of(cost));
      return goal({ name, limit, atLeast: false, digits: 1 }, values, reasonOf(name, result));
    }),
    training(DETERMINISTIC),
  ];
}

function goal(
  which: Pick<Goal, 'name' | 'limit' | 'atLeast' | 'digits'>,
  values: readonly Measured[],
  missing: string | null,
): Goal {
  const measured = spreadOf(values);
  const isMet = measured && (which.atLeast ? measured.median >= which.limit : measured.median <= which.limit);
  const reason = measured === null ? (missing ?? 'no round in which both were measured') : null;
  return { ...which, measured, isMet, reason };
}

function reasonOf(name: string, result: { readonly reason: string | null } | undefined): string | null {
  if (result === undefined) return `${name}: not asked for`;
  return result.reason === null ? null : `${name}: ${result.reason}`;
}

function countOf(workers: number): string {
  return `${workers} ${workers === 1 ? 'worker' : 'workers'}`;
}
