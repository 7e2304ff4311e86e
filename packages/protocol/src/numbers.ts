import * as v from 'valibot';

/** Schemas of numbers that configurations, messages and files share. */

/** A whole number from `lowest` to `highest`, both included. */
export const wholeBetween = (lowest: number, highest: number) =>
  v.pipe(v.number(), v.integer(), v.minValue(lowest), v.maxValue(highest));

/** 0, 1, 2, … as far as a double counts. */
export const wholeNumber = wholeBetween(0, Number.MAX_SAFE_INTEGER);

/** A number of things of which there is at least one. */
export const count = wholeBetween(1, 2 ** 31);

/**
 * Any number, also as JSON has it where it is not finite, as a string: a loss that overflowed is a fact of the run.
 * What writes such numbers is `JSON.stringify` with a replacer that names them.
 */
export const anyNumber = v.union([
  v.number(),
  v.nan(),
  v.pipe(
    v.picklist(['NaN', 'Infinity', '-Infinity']),
    v.transform((name) => Number(name)),
  ),
]);
