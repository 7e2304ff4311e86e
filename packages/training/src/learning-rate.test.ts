import { expect, it } from 'vitest';
import { startCallbacks } from './callbacks/callbacks.ts';
import { rateAt, scheduledRate, tableOf } from './learning-rate.ts';

const run = { stepsPerEpoch: 3, totalSteps: 12 };

it('a table gives each epoch its rate, and the last one from then on', () => {
  const table = tableOf((epoch, rate) => (epoch === 0 ? rate : rate / 4), 0.5, 3);
  const rates = Array.from({ length: 11 }, (_, step) => scheduledRate(step, 0.5, table, run));
  expect(rates).toEqual([0.5, 0.5, 0.5, 0.125, 0.125, 0.125, 0.03125, 0.03125, 0.03125, 0.03125, 0.03125]);
});

it('a table of steps has a rate for each', () => {
  const table = { name: 'table', per: 'step', warmup: 0, rates: [3, 2, 1] } as const;
  expect([0, 1, 2, 3].map((step) => scheduledRate(step, 9, { ...table, rates: [...table.rates] }, run))).toEqual([
    3, 2, 1, 1,
  ]);
});

it("a step's rate is the plateau's, on the schedule, times what rollbacks left of it", () => {
  const schedule = { name: 'step', per: 'epoch', warmup: 0, boundaries: [0], decayRate: 0.5 } as const;
  const sources = { schedule: { ...schedule, boundaries: [...schedule.boundaries] }, plan: run };
  const callbacks = startCallbacks(0.8);
  const reduced = { reduceLROnPlateau: { ...callbacks.reduceLROnPlateau, learningRate: 0.2 } };
  expect([0, 3].map((step) => rateAt(step, { ...sources, callbacks }))).toEqual([0.8, 0.4]);
  expect([0, 3].map((step) => rateAt(step, { ...sources, callbacks: reduced }))).toEqual([0.2, 0.1]);
  expect(rateAt(3, { ...sources, callbacks: reduced, rollbackFactor: 0.5 })).toBe(0.05);
});
