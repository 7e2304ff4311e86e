import { HEALTH_KINDS, type HealthFinding, type RunFact } from '@convoy/protocol/run-events';
import type { TensorTable } from '@convoy/protocol/tensor';
import * as v from 'valibot';
import { ChanceSchema, COLLAPSES, NEW_CHANCE, noteStep } from './chance.ts';
import { NEW_NORMS, noteNorm, noteProbe, NormsSchema, type KernelFigures } from './norms.ts';
import { judgeDivergence } from './divergence.ts';
import {
  hasDeadLayer,
  NEW_UNITS,
  noteSilence,
  silencesOf,
  unitLayersOf,
  UnitsSchema,
  type UnitLayer,
} from './units.ts';
import {
  NEW_VALIDATION,
  noteEpoch,
  noteValidation,
  settlingSteps,
  ValidationSchema,
  type Measured,
} from './validation.ts';
import { wholeNumber } from '@convoy/protocol/numbers';
import type { Verdict } from './verdict.ts';

/** Findings that are remembered: a run that comes and goes for ever must not fill its checkpoints. */
const REMEMBERED = 64;
/** Skipped steps in a row that are a collapse; the coordinator halts after one more. */
const SKIPS = 2;
/** Applied steps after which skipped ones are history. */
const RECOVERED_STEPS = 100;
/** Steps before the first sign of a collapse that are not trusted either: it has been coming. */
const MARGIN_STEPS = 32;
/** A loss that overflowed is as bad as this one, which JSON has a word for. */
const LARGEST_LOSS = 1e9;

/** Checkpoints of version 0.2.0 and before call the severity a rank. */
const FindingSchema = v.pipe(
  v.looseObject({}),
  v.transform(({ rank, ...finding }) => ({ severity: rank, ...finding })),
  v.object({
    kind: v.picklist(HEALTH_KINDS),
    severity: v.picklist(['alarm', 'note']),
    since: wholeNumber,
    step: wholeNumber,
    evidence: v.string(),
    advice: v.string(),
  }),
);

/** All that a {@link Health} knows: what a checkpoint keeps of it, in plain JSON. */
export const HealthSnapshotSchema = v.object({
  chance: ChanceSchema,
  units: UnitsSchema,
  norms: NormsSchema,
  validation: ValidationSchema,
  skips: v.object({ inARow: wholeNumber, lastStep: wholeNumber }),
  /** A regression's loss in its first applied step. */
  firstLoss: v.optional(v.nullable(v.number()), null),
  /** What holds now, and all that ever did. */
  open: v.array(FindingSchema),
  found: v.array(FindingSchema),
});
export type HealthSnapshot = v.InferOutput<typeof HealthSnapshotSchema>;

export interface HealthSettings {
  /** Null in a regression: it is not judged by what guessing has. */
  readonly classes: number | null;
  /** Steps in which the learning rate rises from 0. */
  readonly warmupSteps: number;
  readonly tensors: TensorTable;
}

/** An applied step as the server knows it. */
export interface StepFigures extends Measured {
  readonly samples: number;
  /** Null in a regression. */
  readonly correct: number | null;
  /** The norm of the mean gradient. */
  readonly gradientNorm: number;
  /** From {@link silentUnits}. */
  readonly silent: readonly number[];
  /** Null but for every {@link PROBE_EVERY_STEPS}th step. */
  readonly kernels: readonly KernelFigures[] | null;
}

/** A finding that was made, or that does not hold any more. */
export type HealthFact = Extract<RunFact, { type: 'health' | 'health-cleared' }>;

/**
 * Watches a training for what goes wrong without an error. Pure: what it finds follows from sums whose bits don't depend on
 * the workers, so neither does what it finds.
 */
export class Health {
  readonly #settings: HealthSettings;
  readonly #layers: readonly UnitLayer[];
  readonly #settledAfter: number;
  readonly #state: HealthSnapshot;

  /** @param from what a checkpoint kept; null for a new run, or a checkpoint that kept none. */
  constructor(settings: HealthSettings, from: HealthSnapshot | null = null) {
    this.#settings = settings;
    this.#layers = unitLayersOf(settings.tensors);
    this.#settledAfter = settlingSteps(settings.tensors);
    this.#state = structuredClone(from ?? NEW_HEALTH);
  }

  /** The layers of which {@link StepFigures} says what is silent. */
  get layers(): readonly UnitLayer[] {
    return this.#layers;
  }

  /** All findings so far, in their order. */
  get found(): readonly HealthFinding[] {
    return this.#state.found;
  }

  /** The finding for which going on is a waste, if there is one. */
  get collapse(): HealthFinding | null {
    const { open, skips } = this.#state;
    const isLost = ({ kind }: HealthFinding) => COLLAPSES.has(kind) || (kind === 'not-finite' && skips.inARow >= SKIPS);
    return open.find(isLost) ?? null;
  }

  /** Commits that nothing speaks against yet: a run that collapses now goes back to one of them. */
  get trustedUntil(): number {
    const { chance, open } = this.#state;
    const firstSign = Math.min(
      chance.run?.since ?? chance.chunk.since,
      ...open.filter(speaksAgainstParameters).map(({ since }) => since),
    );
    return Math.max(0, firstSign - 1 - MARGIN_STEPS);
  }

  /**
   * Commits that nothing found from now on can speak against: {@link trustedUntil} may fall when a finding dates back, but
   * never below this, which only rises.
   */
  get trustedForGood(): number {
    const { chance, open, units, norms } = this.#state;
    const signs = [
      chance.run?.since ?? chance.chunk.since,
      ...open.filter(speaksAgainstParameters).map(({ since }) => since),
      ...silencesOf(units, this.#layers),
      ...[norms.unusual, norms.vanished].flatMap((sign) => (sign === null ? [] : [sign.since])),
    ];
    return Math.max(0, Math.min(...signs) - 1 - MARGIN_STEPS);
  }

  snapshot(): HealthSnapshot {
    return structuredClone(this.#state);
  }

  stepped(figures: StepFigures): readonly HealthFact[] {
    const { chance, units, norms, skips } = this.#state;
    const { step, samples, correct, gradientNorm, silent, kernels } = figures;
    const loss = bounded(figures.loss);
    const ignorantLoss = this.#ignorantLoss(loss);
    const lossShare = loss / ignorantLoss;
    skips.inARow = 0;
    const verdicts: Verdict[] = [];
    if (step - skips.lastStep >= RECOVERED_STEPS) verdicts.push({ kind: 'not-finite', holds: false });
    verdicts.push(...noteSilence(units, step, silent, this.#layers, lossShare));
    const isDead = hasDeadLayer(units, step, this.#layers);
    verdicts.push(...noteStep(chance, { step, samples, loss, correct }, this.#settings, isDead));
    verdicts.push(...noteNorm(norms, step, gradientNorm));
    verdicts.push(...judgeDivergence('step', step, figures.loss, ignorantLoss));
    if (kernels !== null) verdicts.push(...noteProbe(norms, step, kernels, lossShare));
    return this.#take(verdicts, step);
  }

  /** A step could not be applied. @param step its number, from 1. */
  skipped(step: number, reason: string): readonly HealthFact[] {
    const { skips } = this.#state;
    skips.inARow++;
    skips.lastStep = step;
    const since = step - skips.inARow + 1;
    const evidence = `a step was skipped: ${reason}`;
    const advice = 'lower --lr, or add --clip-norm 1; with a --warmup the first steps are shorter';
    return this.#take([{ kind: 'not-finite', holds: true, severity: 'alarm', since, evidence, advice }], step);
  }

  epochEnded(epoch: Measured): void {
    noteEpoch(this.#state.validation, { ...epoch, loss: bounded(epoch.loss) });
  }

  validated(evaluation: Measured & { readonly samples: number }): readonly HealthFact[] {
    const { classes } = this.#settings;
    const { step } = evaluation;
    const figures = { ...evaluation, loss: bounded(evaluation.loss) };
    const divergence = judgeDivergence('validation', step, evaluation.loss, this.#ignorantLoss(figures.loss));
    const verdicts = noteValidation(this.#state.validation, figures, classes, this.#settledAfter);
    return this.#take([...verdicts, ...divergence], step);
  }

  /** The loss of a model that knows nothing; a regression's has no formula, so it is the first step's. */
  #ignorantLoss(loss: number): number {
    const { classes } = this.#settings;
    if (classes !== null) return Math.log(classes);
    this.#state.firstLoss ??= loss;
    return Math.max(this.#state.firstLoss, Number.MIN_VALUE);
  }

  /** What changed: a finding that holds already is not made twice. */
  #take(verdicts: readonly Verdict[], step: number): readonly HealthFact[] {
    const facts: HealthFact[] = [];
    for (const verdict of verdicts) {
      const open = this.#state.open.find(({ kind }) => kind === verdict.kind);
      if (verdict.holds && open === undefined) {
        const { holds: _, ...rest } = verdict;
        const finding = { ...rest, step };
        this.#state.open.push(finding);
        if (this.#state.found.length < REMEMBERED) this.#state.found.push(finding);
        facts.push({ type: 'health', ...finding });
      } else if (!verdict.holds && open !== undefined) {
        this.#state.open.splice(this.#state.open.indexOf(open), 1);
        facts.push({ type: 'health-cleared', kind: open.kind, since: open.since, step });
      }
    }
    return facts;
  }
}

const NEW_HEALTH: HealthSnapshot = {
  chance: NEW_CHANCE,
  units: NEW_UNITS,
  norms: NEW_NORMS,
  validation: NEW_VALIDATION,
  skips: { inARow: 0, lastStep: 0 },
  firstLoss: null,
  open: [],
  found: [],
};

/** Whether a run that stands as the snapshot says may be gone on from. @param kept null where none was kept: nothing speaks against it. */
export function isHealthy(kept: HealthSnapshot | null): boolean {
  return kept === null || (kept.chance.run === null && !kept.open.some(speaksAgainstParameters));
}

/** When validation sees something else than training does, going back changes nothing. */
function speaksAgainstParameters({ kind, severity }: HealthFinding): boolean {
  return severity === 'alarm' && kind !== 'validation-at-chance';
}

function bounded(loss: number): number {
  return loss <= LARGEST_LOSS ? loss : LARGEST_LOSS;
}
