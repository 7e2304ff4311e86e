import { expect, it } from 'vitest';
import { PlainPace } from './plain-pace.ts';

it('tells of the first three steps, then of one every five seconds, and of one every half minute in the end', () => {
  const pace = new PlainPace();
  // A step a second for an hour.
  const told = Array.from({ length: 3_600 }, (_, n) => n).filter((n) => pace.isStepDue(1_000 * n));
  expect(told.slice(0, 6)).toEqual([0, 1, 2, 7, 12, 17]);
  expect(told.at(-1)! - told.at(-2)!).toBe(30);
  expect(told.length).toBeLessThan(160);
});
