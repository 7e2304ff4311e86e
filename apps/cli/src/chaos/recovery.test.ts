import { describe, expect, it } from 'vitest';
import { entry, evaluated, step } from './events.fixture.ts';
import { measureRecovery } from './recovery.ts';

const events = [step(1), step(2), step(3, { at: 7_000 }), evaluated(8_000, 3), step(4, { at: 9_000 })];

describe('measureRecovery', () => {
  it('takes the time from a kill to the next step', () => {
    expect(measureRecovery([entry(1_400), entry(2_500)], events)).toEqual({
      deaths: 2,
      measured: 2,
      medianMs: 4_500,
      maxMs: 4_500,
      overLimit: 1,
    });
  });

  it.each([
    ['nobody else was at work', [entry(1_400, { others: [] })]],
    ['the coordinator was down', [entry(1_400, { wasServing: false })]],
    ['the others were disturbed as well', [entry(1_400), entry(1_500, { kind: 'freeze', victims: [1] })]],
    [
      'the coordinator was disturbed before the next step',
      [entry(1_400), entry(1_500, { kind: 'server', victims: [] })],
    ],
    ['an evaluation came first', [entry(7_500)]],
    ['there was no next step', [entry(9_500)]],
  ])('does not count a kill when %s', (_, journal) => {
    expect(measureRecovery(journal, events)).toMatchObject({ deaths: 1, measured: 0, medianMs: null, maxMs: null });
  });
});
