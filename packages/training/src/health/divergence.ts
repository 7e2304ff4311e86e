import type { Verdict } from './verdict.ts';

/** Times the loss of a model that knows nothing: one step may be that bad by chance, a mean over the validation not by far. */
const DIVERGED_STEP = 1e6;
const DIVERGED_VALIDATION = 100;

/**
 * Whether the loss says that training has run away: a regression's grows without bound, where a classification's ends at chance. It
 * holds until the loss is as low as that of a model that knows nothing.
 * @param ignorantLoss of a model that knows nothing.
 */
export function judgeDivergence(
  measured: 'step' | 'validation',
  step: number,
  loss: number,
  ignorantLoss: number,
): readonly Verdict[] {
  const kind = 'diverged';
  if (loss <= ignorantLoss) return [{ kind, holds: false }];
  if (!(loss > (measured === 'step' ? DIVERGED_STEP : DIVERGED_VALIDATION) * ignorantLoss)) return [];
  const where = measured === 'step' ? 'a step' : 'the validation';
  return [
    {
      kind,
      holds: true,
      severity: 'alarm',
      since: step,
      evidence: `${where} has the loss ${loss.toPrecision(3)}, where a model that knows nothing has ${ignorantLoss.toPrecision(3)}`,
      advice: 'lower --lr, or add --clip-norm 1; values to regress on should be about as large as 1',
    },
  ];
}
