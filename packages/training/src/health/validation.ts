import { percent } from '@convoy/protocol/metric';
import type { TensorTable } from '@convoy/protocol/tensor';
import * as v from 'valibot';
import { isAtChance } from './chance.ts';
import { wholeNumber } from '@convoy/protocol/numbers';
import type { Verdict } from './verdict.ts';

/** Evaluations in a row whose loss must be this much above the best one's. */
const RISING_EVALUATIONS = 3;
const RISEN = 1.05;
/** Evaluated samples below which an accuracy is too uncertain. */
const SAMPLES_AT_LEAST = 200;
/** What shows that training learns: times the accuracy of guessing, and nats below its loss. */
const LEARNED_ACCURACY = 2;
const LEARNED_LOSS = 0.2;
/** Times the accuracy of guessing that is still called chance in validation, where no luck of a few steps is in play. */
const CHANCE_ACCURACY = 1.25;
/** What is left of a moving statistic's first value when validation with it may be judged. */
const UNSETTLED = 0.01;

const measured = v.object({ step: wholeNumber, loss: v.number() });

export const ValidationSchema = v.object({
  /** The last epoch, as it was trained. */
  epoch: v.nullable(v.object({ ...measured.entries, accuracy: v.exactOptional(v.number()) })),
  /** The best evaluation, with the loss of the epoch before it. */
  best: v.nullable(v.object({ ...measured.entries, trainingLoss: v.number() })),
  /** Evaluations in a row that were worse. */
  worse: v.nullable(v.object({ since: wholeNumber, evaluations: wholeNumber })),
});
export type Validation = v.InferOutput<typeof ValidationSchema>;

export const NEW_VALIDATION: Validation = { epoch: null, best: null, worse: null };

/** Means over samples, after a step. */
export interface Measured {
  readonly step: number;
  readonly loss: number;
  /** Absent in a regression. */
  readonly accuracy?: number;
}

/** Steps after which moving statistics have forgotten where they began; 0 for a model without any. */
export function settlingSteps(tensors: TensorTable): number {
  const momentum = Math.max(0, ...tensors.map(({ momentum = 0 }) => momentum));
  if (momentum === 0) return 0;
  let steps = 0;
  for (let left = 1; left > UNSETTLED; left *= momentum) steps++;
  return steps;
}

export function noteEpoch(validation: Validation, epoch: Measured): void {
  const { step, loss, accuracy } = epoch;
  validation.epoch = { step, loss, ...(accuracy === undefined ? {} : { accuracy }) };
}

/** What an evaluation on the validation samples says beside the epoch that was trained before it. @param classes null in a regression. */
export function noteValidation(
  validation: Validation,
  evaluation: Measured & { readonly samples: number },
  classes: number | null,
  settledAfter: number,
): readonly Verdict[] {
  const { epoch } = validation;
  if (epoch === null) return [];
  const verdicts = [...judgeOverfitting(validation, evaluation, epoch)];
  const isSettled = evaluation.samples >= SAMPLES_AT_LEAST && evaluation.step >= settledAfter;
  if (isSettled && classes !== null && hasAccuracy(evaluation) && hasAccuracy(epoch)) {
    verdicts.push(judgeAgreement(evaluation, epoch, classes));
  }
  return verdicts;
}

/** The lesson's run had it from its first epoch on: training learned, and validation knew nothing of it. */
function judgeAgreement(
  { step, samples, loss, accuracy }: Required<Measured> & { readonly samples: number },
  epoch: Required<Measured>,
  classes: number,
): Verdict {
  const kind = 'validation-at-chance';
  const trains = epoch.accuracy >= LEARNED_ACCURACY / classes && epoch.loss <= Math.log(classes) - LEARNED_LOSS;
  const correct = Math.round(samples * accuracy);
  const guesses =
    loss >= Math.log(classes) &&
    (accuracy <= CHANCE_ACCURACY / classes || isAtChance({ samples, lossSum: loss * samples, correct }, classes));
  if (!trains || !guesses) return { kind, holds: false };
  return {
    kind,
    holds: true,
    severity: 'alarm',
    since: step,
    evidence: `validation has loss ${loss.toFixed(4)} and accuracy ${percent(accuracy)}, which is guessing, while training has ${epoch.loss.toFixed(4)} and ${percent(epoch.accuracy)}`,
    advice:
      'both should see the same: mix samples that are sorted by class, of which validation gets the last; compare the images and labels of the two (convoy show), the scaling of pixels, and a normalisation whose statistics are not those of the data; try another --engine',
  };
}

function judgeOverfitting(validation: Validation, { step, loss }: Measured, epoch: Measured): readonly Verdict[] {
  const kind = 'overfitting';
  const { best } = validation;
  if (best === null || loss < best.loss) {
    validation.best = { step, loss, trainingLoss: epoch.loss };
    validation.worse = null;
    return [{ kind, holds: false }];
  }
  if (loss < RISEN * best.loss || epoch.loss >= best.trainingLoss) {
    validation.worse = null;
    return [];
  }
  const { worse } = validation;
  validation.worse = { since: worse?.since ?? step, evaluations: (worse?.evaluations ?? 0) + 1 };
  if (validation.worse.evaluations < RISING_EVALUATIONS) return [];
  return [
    {
      kind,
      holds: true,
      severity: 'note',
      since: validation.worse.since,
      evidence: `validation loss ${best.loss.toFixed(4)} after step ${best.step} and ${loss.toFixed(4)} now, while training loss fell from ${best.trainingLoss.toFixed(4)} to ${epoch.loss.toFixed(4)}`,
      advice: `use the best checkpoint (convoy evaluate --checkpoint best), train for fewer --epochs, or regularise: dropout, --weight-decay, augmentation`,
    },
  ];
}

function hasAccuracy<Figures extends Measured>(figures: Figures): figures is Figures & Required<Measured> {
  return figures.accuracy !== undefined;
}
