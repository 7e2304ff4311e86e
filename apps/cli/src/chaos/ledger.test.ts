import { describe, expect, it } from 'vitest';
import { evaluated, ofRegression, resumed, step } from './events.fixture.ts';
import { settleLedger } from './ledger.ts';

const undisturbed = [step(1), step(2), step(3), step(4), evaluated(5_000, 4)];

describe('settleLedger', () => {
  it('finds nothing in a run that is the undisturbed one', () => {
    expect(settleLedger(undisturbed, undisturbed)).toEqual({
      steps: 4,
      stepsRedone: 0,
      stepsLost: 0,
      samplesApplied: 128,
      samplesExpected: 128,
      differences: [],
    });
  });

  it("finds a regression's error that differs", () => {
    const regression = undisturbed.map((event) => ofRegression(event, 0.5));
    const other = regression.map((event) => (event.type === 'evaluated' ? ofRegression(event, 0.25) : event));
    expect(settleLedger(regression, regression).differences).toEqual([]);
    expect(settleLedger(other, regression).differences).toEqual([
      'test after step 4: meanAbsoluteError 0.25, undisturbed 0.5',
    ]);
  });

  it('counts the steps that restarts took back once', () => {
    const events = [step(1), step(2), step(3), resumed(3_500, 1), step(2), resumed(3_600, 0), ...undisturbed];
    expect(settleLedger(events, undisturbed)).toMatchObject({
      steps: 4,
      stepsRedone: 4,
      stepsLost: 0,
      samplesApplied: 128,
      differences: [],
    });
  });

  it('finds a step that came out otherwise after a restart, in the last bit', () => {
    const events = [step(1), step(2, { loss: 1 + 2 ** -52 }), resumed(2_500, 1), ...undisturbed.slice(1)];
    expect(settleLedger(events, undisturbed).differences).toEqual([
      'step 2: loss 1.0000000000000002, undisturbed 1',
      'step 2: loss 1, when it was committed before 1.0000000000000002',
    ]);
  });

  it('finds a step that was applied twice, one that is missing and one with other samples', () => {
    expect(settleLedger([step(1), step(2), step(2), step(3), step(4)], undisturbed).differences).toEqual([
      'step 2 was applied twice',
    ]);
    expect(settleLedger([step(1), step(3), step(4)], undisturbed)).toMatchObject({
      stepsLost: 1,
      samplesApplied: 96,
      differences: ['step 3 follows step 1', 'lost 1 step, the first is step 2'],
    });
    expect(settleLedger([step(1), step(2), step(3), step(4, { samples: 31 })], undisturbed)).toMatchObject({
      samplesApplied: 127,
      samplesExpected: 128,
      differences: ['step 4: samples 31, undisturbed 32'],
    });
  });

  it('finds a restart from a step that was never done, and an evaluation that differs', () => {
    expect(settleLedger([step(1), resumed(1_500, 2), step(3), step(4)], undisturbed).differences).toEqual([
      'resumed from step 2; 1 were done',
      'lost 1 step, the first is step 2',
    ]);
    expect(settleLedger([...undisturbed.slice(0, 4), evaluated(5_000, 4, 1.25)], undisturbed).differences).toEqual([
      'test after step 4: loss 1.25, undisturbed 1.5',
    ]);
  });
});
