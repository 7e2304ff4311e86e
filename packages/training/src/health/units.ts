import type { TensorTable } from '@convoy/protocol/tensor';
import * as v from 'valibot';
import { wholeNumber } from '@convoy/protocol/numbers';
import type { Verdict } from './verdict.ts';

/** Steps in a row without any gradient after which a unit is dead. */
const DEAD_STEPS = 32;
/** Share of a layer's dead units that is worth a note, and the one below which the note is taken back. */
const NOTEWORTHY = 0.5;
const HARMLESS = 0.35;
/** A share of the loss of a model that knows nothing, ln(classes): below it gradients vanish because all is known. */
const HIGH_LOSS = 0.05;

/** A layer's units: the elements of what is added to their sums, a bias or a normalisation's beta. */
export interface UnitLayer {
  readonly name: string;
  /** Where the tensor begins in the flat vector, and its first unit among the units of all layers. */
  readonly offset: number;
  readonly first: number;
  readonly count: number;
}

/** The units that silence is no evidence for: [unit, the first step of its silence], in the units' order. */
export const UnitsSchema = v.object({ silent: v.array(v.tuple([wholeNumber, wholeNumber])) });
export type Units = v.InferOutput<typeof UnitsSchema>;

export const NEW_UNITS: Units = { silent: [] };

/**
 * The layers whose units can die: every layer but the last, which has no relu behind it. A layer with neither a bias nor a
 * normalisation is not watched.
 */
export function unitLayersOf(tensors: TensorTable): readonly UnitLayer[] {
  const layers: UnitLayer[] = [];
  let first = 0;
  for (const { name, offset, size } of tensors.filter(({ name }) => /\/(bias|beta)$/.test(name))) {
    layers.push({ name: name.slice(0, name.lastIndexOf('/')), offset, first, count: size });
    first += size;
  }
  return layers.slice(0, -1);
}

/**
 * The units whose gradient is exactly 0. A bias's gradient is the sum of what flows back through its unit, so it is 0 when
 * nothing does: the relu behind the unit passed nothing for any sample.
 * @returns their numbers, rising.
 */
export function silentUnits(gradientSum: Float32Array, layers: readonly UnitLayer[]): readonly number[] {
  const silent: number[] = [];
  for (const { offset, first, count } of layers) {
    for (let i = 0; i < count; i++) if (gradientSum[offset + i] === 0) silent.push(first + i);
  }
  return silent;
}

/** Whether units are dead. One that comes back to life is forgotten. */
export function noteSilence(
  units: Units,
  step: number,
  silent: readonly number[],
  layers: readonly UnitLayer[],
  lossShare: number,
): readonly Verdict[] {
  const since = new Map(units.silent);
  // With nothing left to learn, no gradient is no sign of death.
  units.silent = lossShare < HIGH_LOSS ? [] : silent.map((unit) => [unit, since.get(unit) ?? step]);
  const dead = units.silent.filter(([, first]) => step - first + 1 >= DEAD_STEPS);
  const counts = layers.map((layer) => ({ layer, dead: dead.filter(([unit]) => isOf(layer, unit)) }));
  const wholly = counts.filter(({ layer, dead }) => dead.length === layer.count);
  const verdicts: Verdict[] = [];
  if (wholly.length === 0) verdicts.push({ kind: 'dead-layer', holds: false });
  else verdicts.push(deadLayer(wholly.map(({ layer, dead }) => ({ layer, since: lastOf(dead) }))));
  const [worst] = counts
    .filter(({ layer, dead }) => dead.length < layer.count)
    .sort((a, b) => b.dead.length / b.layer.count - a.dead.length / a.layer.count);
  const share = worst === undefined ? 0 : worst.dead.length / worst.layer.count;
  if (share >= NOTEWORTHY) verdicts.push(deadUnits(worst!.layer, worst!.dead));
  else if (share < HARMLESS) verdicts.push({ kind: 'dead-units', holds: false });
  return verdicts;
}

/** For each layer that is wholly silent now, dead already or not yet: the first step of its silence. */
export function silencesOf({ silent }: Units, layers: readonly UnitLayer[]): readonly number[] {
  return layers.flatMap((layer) => {
    const units = silent.filter(([unit]) => isOf(layer, unit));
    return layer.count > 0 && units.length === layer.count ? [lastOf(units)] : [];
  });
}

/** Whether a layer has been dead for long enough to be called so. */
export function hasDeadLayer({ silent }: Units, step: number, layers: readonly UnitLayer[]): boolean {
  const dead = silent.filter(([, first]) => step - first + 1 >= DEAD_STEPS);
  return layers.some((layer) => dead.filter(([unit]) => isOf(layer, unit)).length === layer.count);
}

function deadLayer(layers: readonly { readonly layer: UnitLayer; readonly since: number }[]): Verdict {
  const names = layers.map(({ layer }) => `${layer.name} (${layer.count})`);
  return {
    kind: 'dead-layer',
    holds: true,
    severity: 'alarm',
    since: Math.min(...layers.map(({ since }) => since)),
    evidence: `every unit of ${names.join(', ')} has had a gradient of exactly 0 for ${DEAD_STEPS} steps: nothing passes, whatever the image`,
    advice:
      'what is dead stays dead: go back to a checkpoint from before at a lower --lr, or train anew with it or with a --warmup',
  };
}

function deadUnits({ name, count }: UnitLayer, dead: Units['silent']): Verdict {
  return {
    kind: 'dead-units',
    holds: true,
    severity: 'note',
    since: lastOf(dead),
    evidence: `${dead.length} of ${count} units of ${name} have had a gradient of exactly 0 for ${DEAD_STEPS} steps`,
    advice:
      'they are lost capacity; a lower --lr or a --warmup keeps more of them alive, and batch normalisation (--model lesson-bn has it) most',
  };
}

/** The first step at which all of them were silent. */
function lastOf(silent: Units['silent']): number {
  return Math.max(...silent.map(([, first]) => first));
}

function isOf({ first, count }: UnitLayer, unit: number): boolean {
  return unit >= first && unit < first + count;
}
