import { expect, it } from 'vitest';
import { learningRateAt, tableOf } from './schedule.ts';

const run = { stepsPerEpoch: 3, totalSteps: 12 };

it('a table gives each epoch its rate, and the last one from then on', () => {
  const table = tableOf((epoch, rate) => (epoch === 0 ? rate : rate / 4), 0.5, 3);
  const rates = Array.from({ length: 11 }, (_, step) => learningRateAt(step, 0.5, table, run));
  expect(rates).toEqual([0.5, 0.5, 0.5, 0.125, 0.125, 0.125, 0.03125, 0.03125, 0.03125, 0.03125, 0.03125]);
});

it('a table of steps has a rate for each', () => {
  const table = { name: 'table', per: 'step', warmup: 0, rates: [3, 2, 1] } as const;
  expect([0, 1, 2, 3].map((step) => learningRateAt(step, 9, { ...table, rates: [...table.rates] }, run))).toEqual([
    3, 2, 1, 1,
  ]);
});
