import type { HealthFinding, Rollback } from '@convoy/protocol/run-events';
import type { TensorTable } from '@convoy/protocol/tensor';
import type { Tally } from '@convoy/numerics/reduction';
import { Health, type HealthFact, type HealthSettings, type HealthSnapshot } from '@convoy/training/health/health';
import { PROBE_EVERY_STEPS, probeKernels } from '@convoy/training/health/norms';
import { silentUnits } from '@convoy/training/health/units';
import { COLLAPSE_ACTIONS } from '@convoy/run-store/kept-options';
import { MAX_ROLLBACKS } from '@convoy/run-store/rollback';
import type { Evaluation, EpochEnd } from '@convoy/training/figures';

export { COLLAPSE_ACTIONS };
/** What `--on-collapse` takes. */
export type CollapseAction = (typeof COLLAPSE_ACTIONS)[number];

export interface HealthWatchOptions extends HealthSettings {
  /** What a checkpoint kept; null for a new run. */
  readonly from: HealthSnapshot | null;
  readonly onCollapse: CollapseAction;
  /** How the run has gone back already. */
  readonly rollbacks: readonly Rollback[];
}

/** What is done about a collapse. */
export interface Reaction {
  readonly action: 'halt' | 'rollback';
  readonly finding: HealthFinding;
  /** One line for the operator. */
  readonly reason: string;
}

/** A step's update, as the server has it before it is forgotten. */
export interface AppliedStep {
  /** Commits, this one included. */
  readonly step: number;
  readonly tally: Tally;
  readonly gradientNorm: number;
  /** Sum over the samples. */
  readonly gradient: Float32Array;
  /** The flat vector before and after the update. */
  readonly before: Float32Array;
  readonly after: Float32Array;
  readonly epochEnd: EpochEnd | null;
}

/** Measures what {@link Health} judges, and says what to do about a collapse. */
export class HealthWatch {
  readonly #settings: HealthSettings;
  readonly #health: Health;
  readonly #classes: number | null;
  readonly #tensors: TensorTable;
  readonly #onCollapse: CollapseAction;
  readonly rollbacks: readonly Rollback[];

  constructor({ from, onCollapse, rollbacks, ...settings }: HealthWatchOptions) {
    this.#settings = settings;
    this.#health = new Health(settings, from);
    this.#classes = settings.classes;
    this.#tensors = settings.tensors;
    this.#onCollapse = onCollapse;
    this.rollbacks = rollbacks;
  }

  get found(): readonly HealthFinding[] {
    return this.#health.found;
  }

  get trustedUntil(): number {
    return this.#health.trustedUntil;
  }

  /** {@link Health.trustedForGood} of the run as it stood at a checkpoint. */
  readonly trustedForGoodIn = (kept: HealthSnapshot | null): number => new Health(this.#settings, kept).trustedForGood;

  snapshot(): HealthSnapshot {
    return this.#health.snapshot();
  }

  /** What is to be done now; null while there is nothing, or the run shall go on whatever happens. */
  get reaction(): Reaction | null {
    const finding = this.#health.collapse;
    if (finding === null || this.#onCollapse === 'continue') return null;
    const { kind, since, evidence } = finding;
    const what = `${kind} since step ${since}: ${evidence}`;
    // The coordinator halts by itself when steps can't be applied, after one more of them.
    if (this.#onCollapse === 'halt') return kind === 'not-finite' ? null : { action: 'halt', finding, reason: what };
    if (this.rollbacks.length < MAX_ROLLBACKS) return { action: 'rollback', finding, reason: what };
    return { action: 'halt', finding, reason: `${what}; it went back ${MAX_ROLLBACKS} times already` };
  }

  committed({ step, tally, gradientNorm, gradient, before, after, epochEnd }: AppliedStep): readonly HealthFact[] {
    const { samples, lossSum, metricSum } = tally;
    const correct = this.#classes === null ? null : metricSum;
    if (epochEnd !== null) this.#health.epochEnded(epochEnd);
    const isProbed = step % PROBE_EVERY_STEPS === 0;
    return this.#health.stepped({
      step,
      samples,
      correct,
      loss: lossSum / samples,
      gradientNorm,
      silent: silentUnits(gradient, this.#health.layers),
      kernels: isProbed ? probeKernels(this.#tensors, gradient, samples, before, after) : null,
    });
  }

  /** @param step its number, from 1. */
  skipped(step: number, reason: string, epochEnd: EpochEnd | null): readonly HealthFact[] {
    if (epochEnd !== null) this.#health.epochEnded(epochEnd);
    return this.#health.skipped(step, reason);
  }

  validated(evaluation: Evaluation): readonly HealthFact[] {
    return this.#health.validated(evaluation);
  }
}
