import { partOf, planEvaluation, planStep, type Range } from '@convoy/training/sampling';
import type { Sums } from '@convoy/numerics/reduction';
import { digestOf, evaluationOf, gradientOf, INITIAL_PARAMETERS, updated } from './arithmetic.ts';
import type { Problem } from './problem.ts';

export interface Evaluation {
  readonly step: number;
  readonly purpose: 'validation' | 'test';
  readonly digest: number;
}

/** What a training must arrive at, whoever took part in it. */
export interface Reference {
  /** Parameters before step i; one more than there are steps. */
  readonly parameters: readonly number[];
  /** Those that the training ends with: the last, or earlier ones. */
  readonly final: number;
  readonly skipped: readonly boolean[];
  readonly evaluations: readonly Evaluation[];
  readonly outcome: 'completed' | 'halted';
}

/**
 * The training as one loop without a machine, workers or a clock: a dumb second implementation, whose tree is a recursion
 * and not `TreeReduction`.
 */
export function referenceOf(problem: Problem): Reference {
  const { config, plan, options, refusals, callbacks } = problem;

  const parameters = [INITIAL_PARAMETERS];
  const skipped: boolean[] = [];
  const evaluations: Evaluation[] = [];
  let skipsInARow = 0;
  for (let step = 0; step < (callbacks?.stopAfter ?? plan.totalSteps); step++) {
    const before = parameters[step]!;
    const { positions, microBatches } = planStep(step, config, plan);
    if (refusals[step] === 2) {
      skipped.push(true);
      parameters.push(before);
      skipsInARow++;
      if (skipsInARow >= options.maxConsecutiveSkips) {
        // Where a validation would decide, none has been made.
        const isDecided = step + 1 === callbacks?.stopAfter && plan.validationSamples === 0;
        const final = (isDecided ? parameters[callbacks?.keepAfter ?? step + 1] : before)!;
        return { parameters, final, skipped, evaluations, outcome: 'halted' };
      }
    } else {
      const sum = sumOf(microBatches, (leaf) =>
        gradientOf(before, step, leaf, lengthOf(partOf(positions, leaf, microBatches))),
      );
      skipped.push(false);
      parameters.push(updated(before, sum));
      skipsInARow = 0;
    }
    const commits = step + 1;
    for (const purpose of dueAfter(commits, problem)) {
      const { indices, pieces } = planEvaluation(purpose, config, plan);
      // The test is that of the final parameters.
      const at = parameters[purpose === 'test' ? (callbacks?.keepAfter ?? commits) : commits]!;
      const sum = sumOf(pieces, (leaf) => evaluationOf(at, purpose, leaf, lengthOf(partOf(indices, leaf, pieces))));
      evaluations.push({ step: commits, purpose, digest: digestOf(sum) });
    }
  }
  const final = parameters[callbacks?.keepAfter ?? skipped.length]!;
  return { parameters, final, skipped, evaluations, outcome: 'completed' };
}

/** The evaluations that follow a run's first `commits` commits. */
export function dueAfter(commits: number, { plan, callbacks }: Problem): Evaluation['purpose'][] {
  const isLast = commits === (callbacks?.stopAfter ?? plan.totalSteps);
  const due: Evaluation['purpose'][] = [];
  if (commits === 0) return due;
  if (plan.validationSamples > 0 && (isLast || commits % plan.stepsPerEpoch === 0)) due.push('validation');
  if (plan.testSamples > 0 && isLast) due.push('test');
  return due;
}

export function lengthOf({ start, end }: Range): number {
  return end - start;
}

/** Adds the leaves [0, leaves) up: a node is its left half plus its right half, an empty half adds nothing. */
function sumOf(leaves: number, leafAt: (leaf: number) => Sums): Sums {
  const node = (start: number, size: number): Sums => {
    if (size === 1) return leafAt(start);
    const half = size / 2;
    const left = node(start, half);
    return start + half >= leaves ? left : plus(left, node(start + half, half));
  };
  return node(0, 2 ** Math.ceil(Math.log2(leaves)));
}

function plus(left: Sums, right: Sums): Sums {
  return {
    samples: left.samples + right.samples,
    lossSum: left.lossSum + right.lossSum,
    metricSum: left.metricSum + right.metricSum,
    vector: left.vector && right.vector && left.vector.map((value, i) => value + right.vector![i]!),
  };
}
