import * as v from 'valibot';

/** Schemas of numbers that configurations, messages and files share. */

/** 0, 1, 2, … as far as a double counts. */
export const wholeNumber = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(Number.MAX_SAFE_INTEGER));

/** A number of things of which there is at least one. */
export const count = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(2 ** 31));

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
