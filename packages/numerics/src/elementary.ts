// Functions that decide learning rates, from the operations that IEEE 754 defines to the bit: Math.pow and Math.cos may differ
// between versions of an engine, and then the parameters would.

/** base^exponent by repeated squaring. @param exponent a whole number, 0 or more. */
export function integerPower(base: number, exponent: number): number {
  let power = 1;
  let square = base;
  for (let left = exponent; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) power *= square;
    square *= square;
  }
  return power;
}

/** base^exponent, the fraction by repeated square roots. @param base above 0. @param exponent 0 or more. */
export function power(base: number, exponent: number): number {
  const whole = Math.floor(exponent);
  let result = integerPower(base, whole);
  let root = base;
  for (let fraction = exponent - whole; fraction > 0;) {
    root = Math.sqrt(root);
    fraction *= 2;
    if (fraction >= 1) {
      result *= root;
      fraction -= 1;
    }
  }
  return result;
}

/** cos(π·halfTurns) for 0 ≤ halfTurns ≤ 1, to about the last bit. */
export function cosineOfHalfTurns(halfTurns: number): number {
  if (halfTurns > 0.5) return -cosineOfHalfTurns(1 - halfTurns);
  return halfTurns <= 0.25 ? taylor(halfTurns, 1, 0) : taylor(0.5 - halfTurns, (0.5 - halfTurns) * Math.PI, 1);
}

/** The series of the cosine (`first` 1, `from` 0) or of the sine (`first` the angle, `from` 1), at most an eighth of a turn. */
function taylor(halfTurns: number, first: number, from: 0 | 1): number {
  const square = (halfTurns * Math.PI) ** 2;
  let sum = 0;
  let term = first;
  for (let n = from + 1; n < 22; n += 2) {
    sum += term;
    term *= -square / (n * (n + 1));
  }
  return sum;
}
