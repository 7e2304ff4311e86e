/** A weight of 1, of which mixup's are whole parts: weights and products with bytes are integers. */
export const WHOLE_WEIGHT = 256;

/** Where the series' terms have long fallen below a float64's last bit: each is less than half of the one before. */
const TERMS = 80;

/**
 * How much a sample keeps of itself when it is mixed with another: max(λ, 1 − λ) in parts of {@link WHOLE_WEIGHT}, rounded,
 * for λ from Beta(alpha, alpha). Zhang, Cissé, Dauphin and Lopez-Paz, "mixup: Beyond empirical risk minimization" (2018), with
 * the pair in the order in which the sample itself weighs no less than its partner.
 *
 * By inverting the distribution's function, so that one word is one draw. Only additions, products, quotients and square
 * roots, which are rounded alike everywhere.
 * @param alpha above 0, at most 8.
 * @returns the weight, 128 to 256, for a uniform 32-bit word.
 */
export function mixupWeights(alpha: number): (word: number) => number {
  const half = WHOLE_WEIGHT / 2;
  // P(max(λ, 1 − λ) > x) = 2 · I(1 − x; alpha, alpha): element n is that for the x half-way from weight 128 + n to the next.
  const tails = Float64Array.from({ length: half }, (_, n) => {
    const rest = (half - n - 0.5) / WHOLE_WEIGHT;
    return (power(2 * rest, alpha) * series(rest, alpha)) / series(0.5, alpha);
  });
  return (word) => {
    const uniform = (word + 0.5) / 0x1_0000_0000;
    let [low, high] = [0, half];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (tails[middle]! > uniform) low = middle + 1;
      else high = middle;
    }
    return half + low;
  };
}

/** Σ (1 − a)(2 − a)…(n − a) / n! · a / (a + n) · x^n: of I(x; a, a) the part beside x^a, but for a factor. x at most 1/2. */
function series(x: number, a: number): number {
  let sum = 1;
  let factor = 1;
  for (let n = 1; n <= TERMS; n++) {
    factor *= ((n - a) / n) * x;
    sum += (factor * a) / (a + n);
  }
  return sum;
}

/** base^exponent by square roots, one for each binary digit; Math.pow may differ from one engine to another. */
function power(base: number, exponent: number): number {
  let result = 1;
  let rest = exponent;
  for (; rest >= 1; rest--) result *= base;
  for (let root = Math.sqrt(base); rest > 0 && root < 1; root = Math.sqrt(root)) {
    rest *= 2;
    if (rest >= 1) {
      result *= root;
      rest--;
    }
  }
  return result;
}
