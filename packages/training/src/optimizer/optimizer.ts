import type { OptimizerConfig } from '@convoy/protocol/run-config';
import type { TensorTable } from '@convoy/protocol/tensor';
import { adamUpdate } from './adam.ts';
import { clippedDivisor, normOf } from './gradient-norm.ts';
import { rmspropUpdate } from './rmsprop.ts';
import { sgdUpdate } from './sgd.ts';

type Settings<Name> = Extract<OptimizerConfig, { name: Name }>;

const plain = { weightDecay: 0, excludeFromWeightDecay: [], clipNorm: null };
const adam = { learningRate: 1e-3, ...plain, beta1: 0.9, beta2: 0.999, epsilon: 1e-7 };

/**
 * Every optimizer with Keras's names and defaults. Like Keras's, weight decay spares no tensor unless it is told to; recipes
 * that decay should exclude {@link NOT_WORTH_DECAYING}.
 */
export const DEFAULT_OPTIMIZERS: { readonly [Name in OptimizerConfig['name']]: Settings<Name> } = {
  adam: { name: 'adam', ...adam },
  adamw: { name: 'adamw', ...adam, weightDecay: 0.004 },
  rmsprop: { name: 'rmsprop', learningRate: 1e-3, ...plain, rho: 0.9, momentum: 0, epsilon: 1e-7, centered: false },
  sgd: { name: 'sgd', learningRate: 0.01, ...plain, momentum: 0, nesterov: false },
};

/** Biases and batch normalization's scale and shift: decaying them takes accuracy and regularizes nothing. */
export const NOT_WORTH_DECAYING = ['/bias$', '/gamma$', '/beta$'];

/** Flat vectors of one length; a slot is what an optimizer keeps for each parameter from update to update. */
export interface OptimizerVectors {
  readonly parameters: Float32Array;
  readonly slots: Readonly<Record<string, Float32Array>>;
}

/** All that an optimizer reads and writes, with the count of updates applied so far. */
export interface OptimizerState extends OptimizerVectors {
  readonly updates: number;
}

/** Where what lies in the flat vector. */
export interface ParameterLayout {
  readonly tensors: TensorTable;
  /** The vector's head that gradients move; behind it lies what is not trained. Default: all of it. */
  readonly trainableCount?: number | undefined;
}

/** A stretch of the vectors that is updated in one go. */
export interface Part {
  readonly gradientSum: Float32Array;
  readonly divisor: number;
  /** What the parameters are multiplied by before they move. */
  readonly keep: number;
  readonly from: OptimizerVectors;
  readonly into: OptimizerVectors;
}

export interface Optimizer {
  readonly name: OptimizerConfig['name'];
  /** The names of its slots. */
  readonly slots: readonly string[];
  /**
   * One update with the mean gradient `gradientSum / samples`, from `state` into the vectors of `into` (which may not be those
   * of `state`: a failure half-way changes nothing). What is not trained is copied.
   */
  update(
    state: OptimizerState,
    gradientSum: Float32Array,
    samples: number,
    learningRate: number,
    into: OptimizerVectors,
  ): OptimizerState;
}

/** The optimizer that a configuration names, for vectors of a layout. @throws SyntaxError for a pattern that is none. */
export function createOptimizer(config: OptimizerConfig, layout: ParameterLayout): Optimizer {
  const { weightDecay, clipNorm } = config;
  return {
    name: config.name,
    slots: slotsOf(config),
    update(state, gradientSum, samples, learningRate, into) {
      const { trainableCount = state.parameters.length } = layout;
      const divisor =
        clipNorm === null
          ? samples
          : clippedDivisor(samples, normOf(gradientSum.subarray(0, trainableCount), samples), clipNorm);
      const updates = state.updates + 1;
      for (const { start, end, isDecayed } of stretchesOf(config, layout.tensors, trainableCount)) {
        const part: Part = {
          gradientSum: gradientSum.subarray(start, end),
          divisor,
          keep: isDecayed ? 1 - weightDecay * learningRate : 1,
          from: partOf(state, start, end),
          into: partOf(into, start, end),
        };
        updatePart(part, updates, learningRate, config);
      }
      into.parameters.set(state.parameters.subarray(trainableCount), trainableCount);
      return { updates, parameters: into.parameters, slots: into.slots };
    },
  };
}

/** The names of an optimizer's slots, in the order of their files. */
export function slotsOf(config: OptimizerConfig): readonly string[] {
  switch (config.name) {
    case 'adam':
    case 'adamw':
      return ['m', 'v'];
    case 'sgd':
      return config.momentum === 0 ? [] : ['velocity'];
    case 'rmsprop': {
      const slots = ['velocity'];
      if (config.momentum !== 0) slots.push('momentum');
      if (config.centered) slots.push('average-gradient');
      return slots;
    }
    default:
      return config satisfies never;
  }
}

function updatePart(part: Part, updates: number, learningRate: number, config: OptimizerConfig): void {
  switch (config.name) {
    case 'adam':
    case 'adamw':
      return adamUpdate(part, updates, learningRate, config);
    case 'sgd':
      return sgdUpdate(part, learningRate, config);
    case 'rmsprop':
      return rmspropUpdate(part, learningRate, config);
    default:
      config satisfies never;
  }
}

interface Stretch {
  readonly start: number;
  end: number;
  readonly isDecayed: boolean;
}

/** The trained head, cut where weight decay begins or ends: in one piece if it spares nothing. */
function stretchesOf(
  { weightDecay, excludeFromWeightDecay }: OptimizerConfig,
  tensors: TensorTable,
  trainableCount: number,
): readonly Stretch[] {
  if (weightDecay === 0 || excludeFromWeightDecay.length === 0) {
    return [{ start: 0, end: trainableCount, isDecayed: weightDecay !== 0 }];
  }
  const patterns = excludeFromWeightDecay.map((pattern) => new RegExp(pattern));
  const stretches: Stretch[] = [];
  for (const { name, offset, size } of tensors) {
    if (offset >= trainableCount) break;
    const isDecayed = !patterns.some((pattern) => pattern.test(name));
    const last = stretches.at(-1);
    if (last?.isDecayed === isDecayed) last.end = offset + size;
    else stretches.push({ start: offset, end: offset + size, isDecayed });
  }
  return stretches;
}

function partOf({ parameters, slots }: OptimizerVectors, start: number, end: number): OptimizerVectors {
  const parts = Object.entries(slots).map(([name, slot]) => [name, slot.subarray(start, end)] as const);
  return { parameters: parameters.subarray(start, end), slots: Object.fromEntries(parts) };
}
