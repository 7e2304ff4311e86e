import { sumOfSquares } from '@convoy/numerics/vectors';
import type { TensorTable } from '@convoy/protocol/tensor';
import { adam, adamw } from './adam.ts';
import { lion } from './lion.ts';
import { rmsprop } from './rmsprop.ts';
import { sgd } from './sgd.ts';
import type {
  OptimizerName,
  OptimizerSettings,
  OptimizerVectors,
  Part,
  SettingsOf,
  UpdateRule,
} from './update-rule.ts';

/** Every optimizer there is. */
const rules: { readonly [Name in OptimizerName]: UpdateRule<SettingsOf<Name>> } = { adam, adamw, lion, rmsprop, sgd };

/** Every optimizer with Keras's names and defaults. Recipes that decay should exclude {@link NOT_WORTH_DECAYING}. */
export const DEFAULT_OPTIMIZERS = Object.fromEntries(
  Object.entries(rules).map(([name, { defaults }]) => [name, defaults]),
) as { readonly [Name in OptimizerName]: SettingsOf<Name> };

/** Biases and batch normalization's scale and shift: decaying them takes accuracy and regularizes nothing. */
export const NOT_WORTH_DECAYING = ['/bias$', '/gamma$', '/beta$'];

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

export interface Optimizer {
  readonly name: OptimizerName;
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
export function createOptimizer(settings: OptimizerSettings, layout: ParameterLayout): Optimizer {
  const { weightDecay, clipNorm } = settings;
  return {
    name: settings.name,
    slots: slotsOf(settings),
    update(state, gradientSum, samples, learningRate, into) {
      const { trainableCount = state.parameters.length } = layout;
      const divisor =
        clipNorm === null
          ? samples
          : clippedDivisor(samples, normOf(gradientSum.subarray(0, trainableCount), samples), clipNorm);
      const updates = state.updates + 1;
      for (const { start, end, isDecayed } of stretchesOf(settings, layout.tensors, trainableCount)) {
        const part: Part = {
          gradientSum: gradientSum.subarray(start, end),
          divisor,
          learningRate,
          updates,
          keep: isDecayed ? 1 - weightDecay * learningRate : 1,
          from: vectorsOf(state, start, end),
          into: vectorsOf(into, start, end),
        };
        ruleOf(settings).update(part, settings);
      }
      into.parameters.set(state.parameters.subarray(trainableCount), trainableCount);
      return { updates, parameters: into.parameters, slots: into.slots };
    },
  };
}

/** The names of an optimizer's slots, in the order of their files. */
export function slotsOf(settings: OptimizerSettings): readonly string[] {
  return ruleOf(settings).slots(settings);
}

function ruleOf({ name }: OptimizerSettings): UpdateRule<SettingsOf<OptimizerName>> {
  return rules[name];
}

/** Euclidean norm of a vector divided by `divisor`, accumulated in float64: finite exactly when every element is. */
export function normOf(vector: Float32Array, divisor = 1): number {
  return Math.sqrt(sumOfSquares(vector)) / divisor;
}

/**
 * What a gradient's sum is divided by to be the mean over its samples, and no longer than `clipNorm`: what Keras does with
 * `global_clipnorm`.
 * @param norm of the mean gradient, over all its tensors.
 */
function clippedDivisor(samples: number, norm: number, clipNorm: number): number {
  return norm > clipNorm ? samples * (norm / clipNorm) : samples;
}

interface Stretch {
  readonly start: number;
  end: number;
  readonly isDecayed: boolean;
}

/** The trained head, cut where weight decay begins or ends: in one piece if it spares nothing. */
function stretchesOf(
  { weightDecay, excludeFromWeightDecay }: OptimizerSettings,
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

function vectorsOf({ parameters, slots }: OptimizerVectors, start: number, end: number): OptimizerVectors {
  const parts = Object.entries(slots).map(([name, slot]) => [name, slot.subarray(start, end)] as const);
  return { parameters: parameters.subarray(start, end), slots: Object.fromEntries(parts) };
}
