import { percent } from '@convoy/protocol/metric';
import type { HealthKind } from '@convoy/protocol/run-events';
import * as v from 'valibot';
import { wholeNumber } from '@convoy/protocol/numbers';
import type { Verdict } from './verdict.ts';

/** A chunk of steps is judged when it has both: fewer samples say little about an accuracy, fewer steps little about a trend. */
const CHUNK_STEPS = 16;
const CHUNK_SAMPLES = 512;
/** Chunks in a row at chance that make a collapse of a run that has been better; with a dead layer one is enough. */
const COLLAPSE_CHUNKS = 3;
/** What a run gets to leave chance for the first time. */
const START_STEPS = 300;
const START_SAMPLES = 19_200;
/** Nats below ln(classes): less is at chance. Being well above it is too, if the accuracy is no better. */
const LOSS_BAND = 0.02;
/** Nats below ln(classes) that show that something was learned. */
const LEARNED = 0.05;
/** Standard deviations of the accuracy of guessing. Four are passed by chance once in 30,000 chunks. */
const DEVIATIONS = 4;

const chunk = v.object({
  /** Its first step, from 1. */
  since: wholeNumber,
  steps: wholeNumber,
  samples: wholeNumber,
  lossSum: v.number(),
  correct: wholeNumber,
});

export const ChanceSchema = v.object({
  /** The steps that are not yet a chunk. */
  chunk,
  /** The chunks at chance in a row that end with the last one. */
  run: v.nullable(v.object({ ...chunk.entries, chunks: wholeNumber })),
  /** The chunk with the lowest loss among those that showed learning. */
  best: v.nullable(chunk),
});
export type Chance = v.InferOutput<typeof ChanceSchema>;
type Chunk = Chance['chunk'];

export const NEW_CHANCE: Chance = { chunk: emptyChunk(1), run: null, best: null };

/** A step's figures. */
export interface StepTally {
  /** From 1. */
  readonly step: number;
  readonly samples: number;
  /** Mean over the samples; finite. */
  readonly loss: number;
  /** Null in a regression. */
  readonly correct: number | null;
}

export interface ChanceSettings {
  /** Null in a regression: there is no loss that only guessing has, so its steps are counted and never judged. */
  readonly classes: number | null;
  /** Steps in which the learning rate rises from 0: nothing need be learned in them. */
  readonly warmupSteps: number;
}

/**
 * Whether the training guesses. A model that knows nothing has the loss ln(classes) and the accuracy 1/classes; after a
 * collapse it has them again, whatever it knew. Supposes that the classes are about equally frequent.
 * @param hasDeadLayer no signal passes some layer: then there is no need for patience.
 */
export function noteStep(
  chance: Chance,
  tally: StepTally,
  settings: ChanceSettings,
  hasDeadLayer: boolean,
): readonly Verdict[] {
  const { chunk } = chance;
  chunk.steps++;
  chunk.samples += tally.samples;
  chunk.lossSum += tally.loss * tally.samples;
  chunk.correct += tally.correct ?? 0;
  if (chunk.steps < CHUNK_STEPS || chunk.samples < CHUNK_SAMPLES) return [];
  chance.chunk = emptyChunk(tally.step + 1);
  const { classes, warmupSteps } = settings;
  return classes === null ? [] : judgeChunk(chance, chunk, { classes, warmupSteps }, hasDeadLayer);
}

function judgeChunk(
  chance: Chance,
  chunk: Chunk,
  { classes, warmupSteps }: { readonly classes: number; readonly warmupSteps: number },
  hasDeadLayer: boolean,
): readonly Verdict[] {
  if (hasLearned(chunk, classes)) {
    chance.run = null;
    if (chance.best === null || meanLoss(chunk) < meanLoss(chance.best)) chance.best = chunk;
    return (['collapsed', 'not-learning'] as const).map((kind) => ({ kind, holds: false }));
  }
  if (!isAtChance(chunk, classes)) {
    chance.run = null;
    return [];
  }
  if (chance.best === null && chunk.since <= warmupSteps) return [];
  const pooled = chance.run === null ? { ...chunk, chunks: 1 } : pool(chance.run, chunk);
  // A little better than chance for long is more than chance: what was before no longer counts.
  chance.run = isAtChance(pooled, classes) ? pooled : { ...chunk, chunks: 1 };
  const verdict = judgeRun(chance, chance.run, hasDeadLayer);
  if (verdict === null) return [];
  const { since, lossSum, samples, correct } = chance.run;
  const { loss, accuracy } = { loss: lossSum / samples, accuracy: correct / samples };
  const now = `loss ${loss.toFixed(4)} and accuracy ${percent(accuracy)} over ${samples} samples, where guessing has ${Math.log(classes).toFixed(4)} and ${percent(1 / classes)}`;
  return [
    {
      kind: verdict.kind,
      holds: true,
      severity: 'alarm',
      since,
      evidence: verdict.before === null ? now : `${now}; it had ${verdict.before}`,
      advice: ADVICE[verdict.kind],
    },
  ];
}

const ADVICE = {
  collapsed:
    'go back to a checkpoint from before with --on-collapse rollback, or train anew with a lower --lr, a --warmup or --clip-norm 1',
  'not-learning':
    'train anew with a tenth of the --lr, or ten times as much where the updates are tiny; look at the labels with convoy show',
} as const;

function judgeRun(
  { best }: Chance,
  run: NonNullable<Chance['run']>,
  hasDeadLayer: boolean,
): { readonly kind: 'collapsed' | 'not-learning'; readonly before: string | null } | null {
  if (best !== null) {
    if (run.chunks < COLLAPSE_CHUNKS && !hasDeadLayer) return null;
    const before = `${meanLoss(best).toFixed(4)} and ${percent(best.correct / best.samples)} from step ${best.since}`;
    return { kind: 'collapsed', before };
  }
  const isPatient = run.steps >= START_STEPS && run.samples >= START_SAMPLES;
  return isPatient || hasDeadLayer ? { kind: 'not-learning', before: null } : null;
}

/** What a collapse is called, for whoever asks which findings are one. */
export const COLLAPSES: ReadonlySet<HealthKind> = new Set<HealthKind>(['collapsed', 'not-learning']);

/** No better than a guess, or worse: the loss, and an accuracy that guessing reaches. */
export function isAtChance(
  { samples, lossSum, correct }: Pick<Chunk, 'samples' | 'lossSum' | 'correct'>,
  classes: number,
): boolean {
  return lossSum / samples >= Math.log(classes) - LOSS_BAND && correct / samples <= guessable(samples, classes);
}

function hasLearned({ samples, lossSum, correct }: Chunk, classes: number): boolean {
  const accuracy = correct / samples;
  if (accuracy <= guessable(samples, classes)) return false;
  // A confident model may be right often and have a high loss.
  return lossSum / samples <= Math.log(classes) - LEARNED || accuracy >= 2 / classes;
}

/** The accuracy up to which luck explains it. */
function guessable(samples: number, classes: number): number {
  const p = 1 / classes;
  return p + DEVIATIONS * Math.sqrt((p * (1 - p)) / samples);
}

function pool(run: NonNullable<Chance['run']>, chunk: Chunk): NonNullable<Chance['run']> {
  return {
    since: run.since,
    chunks: run.chunks + 1,
    steps: run.steps + chunk.steps,
    samples: run.samples + chunk.samples,
    lossSum: run.lossSum + chunk.lossSum,
    correct: run.correct + chunk.correct,
  };
}

function emptyChunk(since: number): Chunk {
  return { since, steps: 0, samples: 0, lossSum: 0, correct: 0 };
}

function meanLoss({ lossSum, samples }: Chunk): number {
  return lossSum / samples;
}
