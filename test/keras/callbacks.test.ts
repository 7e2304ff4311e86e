import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { CallbacksOptions, Monitor } from '@convoy/protocol/callbacks-config';
import { decideAtEpochEnd, startCallbacks, type EpochDecisions } from '@convoy/training/callbacks/callbacks';
import { NO_FIGURES } from '@convoy/training/callbacks/monitor';
import { cifar10 } from '@convoy/cifar10/workload';
import { resolveConfig } from '@convoy/training/config';
import { tableOf } from '@convoy/training/learning-rate';

interface Sequence {
  readonly settings: { readonly monitor?: Monitor };
  /** One per epoch; JSON has no word for what is not finite. */
  readonly figures: readonly (number | 'NaN' | 'Infinity')[];
}

/** What make_callback_fixture.py writes. */
interface Fixture {
  readonly keras: string;
  readonly rate: number;
  readonly earlyStopping: readonly (Sequence & { readonly stoppedAfter: number | null; readonly bestEpoch: number })[];
  readonly reduceLROnPlateau: readonly (Sequence & { readonly rates: readonly number[] })[];
  readonly modelCheckpoint: readonly (Sequence & { readonly saved: readonly boolean[] })[];
  readonly learningRateScheduler: readonly { readonly name: string; readonly rates: readonly number[] }[];
}

const fixture = JSON.parse(
  readFileSync(new URL('../fixtures/keras-callbacks.json', import.meta.url), 'utf8'),
) as Fixture;

/** What is decided at each epoch's end, until the training is over. */
function decide(options: CallbacksOptions, { settings, figures }: Sequence): readonly EpochDecisions[] {
  const { callbacks: config } = resolveConfig(cifar10, { dataset: { name: 'cifar10' }, callbacks: options });
  const decisions: EpochDecisions[] = [];
  let state = startCallbacks(fixture.rate);
  for (const [epoch, figure] of figures.entries()) {
    const shown = { ...NO_FIGURES, epoch, [settings.monitor ?? 'val_loss']: Number(figure) };
    const decision = decideAtEpochEnd(config, state, epoch + 1, shown);
    decisions.push(decision);
    // A checkpoint at any epoch's end keeps all that the next decision needs.
    state = decision.state;
    if (state.stopReason !== null) break;
  }
  return decisions;
}

describe(`beside Keras ${fixture.keras}`, () => {
  it.each(fixture.earlyStopping)(
    'EarlyStopping with $settings stops after the epoch and goes back to the one that Keras does, of $figures',
    (sequence) => {
      const decisions = decide({ earlyStopping: { ...sequence.settings, restoreBestWeights: true } }, sequence);
      const { stopReason, kept } = decisions.at(-1)!.state;
      expect(stopReason === null ? null : decisions.length - 1).toBe(sequence.stoppedAfter);
      expect(kept!.figures.epoch).toBe(sequence.bestEpoch);
      expect(decisions.findLastIndex(({ isKept }) => isKept)).toBe(sequence.bestEpoch);
    },
  );

  it.each(fixture.reduceLROnPlateau)(
    'ReduceLROnPlateau with $settings has the rate of Keras after every epoch, of $figures',
    (sequence) => {
      const decisions = decide({ reduceLROnPlateau: sequence.settings }, sequence);
      for (const [epoch, rate] of sequence.rates.entries()) {
        const { learningRate } = decisions[epoch]!.state.reduceLROnPlateau;
        // Keras keeps the rate in float32.
        expect(Math.abs(learningRate - rate)).toBeLessThan(1e-6 * rate);
      }
      expect(decisions).toHaveLength(sequence.rates.length);
    },
  );

  it.each(fixture.modelCheckpoint)(
    'ModelCheckpoint with $settings saves after the epochs that Keras does, of $figures',
    (sequence) => {
      const decisions = decide({ modelCheckpoint: sequence.settings }, sequence);
      expect(decisions.map(({ isSaved }) => isSaved)).toEqual(sequence.saved);
    },
  );

  it.each(fixture.learningRateScheduler)('LearningRateScheduler is a table of rates: $name', ({ rates }) => {
    const halved = (epoch: number, rate: number) => (epoch % 2 === 1 ? rate : rate / 2);
    const table = tableOf(halved, fixture.rate, rates.length);
    expect(table).toMatchObject({ name: 'table', per: 'epoch' });
    const ours = table.name === 'table' ? table.rates : [];
    for (const [epoch, rate] of rates.entries()) expect(Math.abs(ours[epoch]! - rate)).toBeLessThan(1e-6 * rate);
  });
});
