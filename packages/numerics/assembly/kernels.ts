// AssemblyScript, not TypeScript: compiled to WebAssembly with SIMD by ../compile.mjs. Each function computes, element by
// element, the expression of its namesake in ../src/{reference,bfloat16}.ts, to the bit: float64 arithmetic, one rounding to
// float32 where a value is stored, no fused multiply-add, no relaxed instruction. Addresses are in bytes and multiples of 4; 0
// stands for a vector that is not there. The plain namesake of `mask` is the caller's.

/** sum ← sum + addend. */
export function add(sum: usize, addend: usize, length: i32): void {
  const whole = length & ~3;
  for (let i = 0; i < whole; i += 4) {
    const at = (<usize>i) << 2;
    v128.store(sum + at, f32x4.add(v128.load(sum + at), v128.load(addend + at)));
  }
  for (let i = whole; i < length; i++) {
    const at = (<usize>i) << 2;
    store<f32>(sum + at, load<f32>(sum + at) + load<f32>(addend + at));
  }
}

/** Sum of the squares, in float64, in eight partial sums: element i belongs to number i mod 8. */
export function sumOfSquares(vector: usize, length: i32): f64 {
  let s01 = f64x2.splat(0);
  let s23 = f64x2.splat(0);
  let s45 = f64x2.splat(0);
  let s67 = f64x2.splat(0);
  const whole = length & ~7;
  for (let i = 0; i < whole; i += 8) {
    const at = vector + ((<usize>i) << 2);
    const x01 = f64x2.promote_low_f32x4(v128.load64_zero(at));
    const x23 = f64x2.promote_low_f32x4(v128.load64_zero(at, 8));
    const x45 = f64x2.promote_low_f32x4(v128.load64_zero(at, 16));
    const x67 = f64x2.promote_low_f32x4(v128.load64_zero(at, 24));
    s01 = f64x2.add(s01, f64x2.mul(x01, x01));
    s23 = f64x2.add(s23, f64x2.mul(x23, x23));
    s45 = f64x2.add(s45, f64x2.mul(x45, x45));
    s67 = f64x2.add(s67, f64x2.mul(x67, x67));
  }
  let s0 = f64x2.extract_lane(s01, 0);
  let s1 = f64x2.extract_lane(s01, 1);
  let s2 = f64x2.extract_lane(s23, 0);
  let s3 = f64x2.extract_lane(s23, 1);
  let s4 = f64x2.extract_lane(s45, 0);
  let s5 = f64x2.extract_lane(s45, 1);
  let s6 = f64x2.extract_lane(s67, 0);
  const s7 = f64x2.extract_lane(s67, 1);
  for (let i = whole; i < length; i++) {
    const x = <f64>load<f32>(vector + ((<usize>i) << 2));
    switch (i & 7) {
      case 0:
        s0 += x * x;
        break;
      case 1:
        s1 += x * x;
        break;
      case 2:
        s2 += x * x;
        break;
      case 3:
        s3 += x * x;
        break;
      case 4:
        s4 += x * x;
        break;
      case 5:
        s5 += x * x;
        break;
      default:
        s6 += x * x;
    }
  }
  return s0 + s1 + (s2 + s3) + (s4 + s5 + (s6 + s7));
}

/** Adam's update; `decay1` is 1 − β1, `decay2` 1 − β2. */
export function adam(
  gradientSum: usize,
  parameters: usize,
  m: usize,
  v: usize,
  parametersOut: usize,
  mOut: usize,
  vOut: usize,
  length: i32,
  divisor: f64,
  decay1: f64,
  decay2: f64,
  rate: f64,
  epsilon: f64,
  keep: f64,
): void {
  const divisor2 = f64x2.splat(divisor);
  const decay1_2 = f64x2.splat(decay1);
  const decay2_2 = f64x2.splat(decay2);
  const rate2 = f64x2.splat(rate);
  const epsilon2 = f64x2.splat(epsilon);
  const keep2 = f64x2.splat(keep);
  const whole = length & ~1;
  for (let i = 0; i < whole; i += 2) {
    const at = (<usize>i) << 2;
    const m_i = f64x2.promote_low_f32x4(v128.load64_zero(m + at));
    const v_i = f64x2.promote_low_f32x4(v128.load64_zero(v + at));
    const gradient = f64x2.div(f64x2.promote_low_f32x4(v128.load64_zero(gradientSum + at)), divisor2);
    const mean = f64x2.add(m_i, f64x2.mul(f64x2.sub(gradient, m_i), decay1_2));
    const square = f64x2.add(v_i, f64x2.mul(f64x2.sub(f64x2.mul(gradient, gradient), v_i), decay2_2));
    v128.store64_lane(mOut + at, f32x4.demote_f64x2_zero(mean), 0);
    v128.store64_lane(vOut + at, f32x4.demote_f64x2_zero(square), 0);
    const move = f64x2.div(f64x2.mul(mean, rate2), f64x2.add(f64x2.sqrt(square), epsilon2));
    const kept = f64x2.mul(f64x2.promote_low_f32x4(v128.load64_zero(parameters + at)), keep2);
    v128.store64_lane(parametersOut + at, f32x4.demote_f64x2_zero(f64x2.sub(kept, move)), 0);
  }
  if (whole < length) {
    const at = (<usize>whole) << 2;
    const m_i = <f64>load<f32>(m + at);
    const v_i = <f64>load<f32>(v + at);
    const gradient = <f64>load<f32>(gradientSum + at) / divisor;
    const mean = m_i + (gradient - m_i) * decay1;
    const square = v_i + (gradient * gradient - v_i) * decay2;
    store<f32>(mOut + at, <f32>mean);
    store<f32>(vOut + at, <f32>square);
    const kept = <f64>load<f32>(parameters + at) * keep;
    store<f32>(parametersOut + at, <f32>(kept - (mean * rate) / (sqrt<f64>(square) + epsilon)));
  }
}

/** Gradient descent; `velocity` and `velocityOut` are 0 without momentum, and so are `momentum`, `ahead` and `aside` unused. */
export function sgd(
  gradientSum: usize,
  parameters: usize,
  velocity: usize,
  parametersOut: usize,
  velocityOut: usize,
  length: i32,
  divisor: f64,
  rate: f64,
  momentum: f64,
  ahead: f64,
  aside: f64,
  keep: f64,
): void {
  const divisor2 = f64x2.splat(divisor);
  const rate2 = f64x2.splat(rate);
  const momentum2 = f64x2.splat(momentum);
  const ahead2 = f64x2.splat(ahead);
  const aside2 = f64x2.splat(aside);
  const keep2 = f64x2.splat(keep);
  const whole = length & ~1;
  for (let i = 0; i < whole; i += 2) {
    const at = (<usize>i) << 2;
    const gradient = f64x2.div(f64x2.promote_low_f32x4(v128.load64_zero(gradientSum + at)), divisor2);
    const kept = f64x2.mul(f64x2.promote_low_f32x4(v128.load64_zero(parameters + at)), keep2);
    let moved: v128;
    if (velocity === 0) {
      moved = f64x2.sub(kept, f64x2.mul(gradient, rate2));
    } else {
      const before = f64x2.promote_low_f32x4(v128.load64_zero(velocity + at));
      const speed = f64x2.sub(f64x2.mul(before, momentum2), f64x2.mul(gradient, rate2));
      v128.store64_lane(velocityOut + at, f32x4.demote_f64x2_zero(speed), 0);
      moved = f64x2.add(kept, f64x2.sub(f64x2.mul(speed, ahead2), f64x2.mul(gradient, aside2)));
    }
    v128.store64_lane(parametersOut + at, f32x4.demote_f64x2_zero(moved), 0);
  }
  if (whole < length) {
    const at = (<usize>whole) << 2;
    const gradient = <f64>load<f32>(gradientSum + at) / divisor;
    const kept = <f64>load<f32>(parameters + at) * keep;
    if (velocity === 0) {
      store<f32>(parametersOut + at, <f32>(kept - gradient * rate));
    } else {
      const speed = <f64>load<f32>(velocity + at) * momentum - gradient * rate;
      store<f32>(velocityOut + at, <f32>speed);
      store<f32>(parametersOut + at, <f32>(kept + (speed * ahead - gradient * aside)));
    }
  }
}

/** RMSprop; `momentum` and `averageGradient` are 0, each with its target, where they are not kept. `decay` is 1 − ρ. */
export function rmsprop(
  gradientSum: usize,
  parameters: usize,
  velocity: usize,
  momentum: usize,
  averageGradient: usize,
  parametersOut: usize,
  velocityOut: usize,
  momentumOut: usize,
  averageGradientOut: usize,
  length: i32,
  divisor: f64,
  rate: f64,
  decay: f64,
  inertia: f64,
  epsilon: f64,
  keep: f64,
): void {
  const divisor2 = f64x2.splat(divisor);
  const rate2 = f64x2.splat(rate);
  const decay2 = f64x2.splat(decay);
  const inertia2 = f64x2.splat(inertia);
  const epsilon2 = f64x2.splat(epsilon);
  const keep2 = f64x2.splat(keep);
  const whole = length & ~1;
  for (let i = 0; i < whole; i += 2) {
    const at = (<usize>i) << 2;
    const gradient = f64x2.div(f64x2.promote_low_f32x4(v128.load64_zero(gradientSum + at)), divisor2);
    const v_i = f64x2.promote_low_f32x4(v128.load64_zero(velocity + at));
    const square = f64x2.add(v_i, f64x2.mul(f64x2.sub(f64x2.mul(gradient, gradient), v_i), decay2));
    v128.store64_lane(velocityOut + at, f32x4.demote_f64x2_zero(square), 0);
    let spread = square;
    if (averageGradient !== 0) {
      const a_i = f64x2.promote_low_f32x4(v128.load64_zero(averageGradient + at));
      const average = f64x2.add(a_i, f64x2.mul(f64x2.sub(gradient, a_i), decay2));
      v128.store64_lane(averageGradientOut + at, f32x4.demote_f64x2_zero(average), 0);
      spread = f64x2.sub(square, f64x2.mul(average, average));
    }
    let move = f64x2.div(f64x2.mul(gradient, rate2), f64x2.sqrt(f64x2.add(spread, epsilon2)));
    if (momentum !== 0) {
      move = f64x2.add(f64x2.mul(f64x2.promote_low_f32x4(v128.load64_zero(momentum + at)), inertia2), move);
      v128.store64_lane(momentumOut + at, f32x4.demote_f64x2_zero(move), 0);
    }
    const kept = f64x2.mul(f64x2.promote_low_f32x4(v128.load64_zero(parameters + at)), keep2);
    v128.store64_lane(parametersOut + at, f32x4.demote_f64x2_zero(f64x2.sub(kept, move)), 0);
  }
  if (whole < length) {
    const at = (<usize>whole) << 2;
    const gradient = <f64>load<f32>(gradientSum + at) / divisor;
    const v_i = <f64>load<f32>(velocity + at);
    const square = v_i + (gradient * gradient - v_i) * decay;
    store<f32>(velocityOut + at, <f32>square);
    let spread = square;
    if (averageGradient !== 0) {
      const a_i = <f64>load<f32>(averageGradient + at);
      const average = a_i + (gradient - a_i) * decay;
      store<f32>(averageGradientOut + at, <f32>average);
      spread = square - average * average;
    }
    let move = (gradient * rate) / sqrt<f64>(spread + epsilon);
    if (momentum !== 0) {
      move = <f64>load<f32>(momentum + at) * inertia + move;
      store<f32>(momentumOut + at, <f32>move);
    }
    store<f32>(parametersOut + at, <f32>(<f64>load<f32>(parameters + at) * keep - move));
  }
}

function rotateLeft(x: v128, bits: i32): v128 {
  return v128.or(i32x4.shl(x, bits), i32x4.shr_u(x, 32 - bits));
}

/**
 * Multipliers of dropout: word i of the Threefry-2x32-20 stream of the key below `limit` (unsigned) gives 0, else `kept`.
 * `length` is a multiple of 8, the words of four blocks. The generator is `threefry2x32` of src/random/threefry.ts.
 */
export function mask(target: usize, length: i32, key0: i32, key1: i32, limit: i32, kept: f32): void {
  const k0 = i32x4.splat(key0);
  const k1 = i32x4.splat(key1);
  const k2 = i32x4.splat(0x1bd11bda ^ key0 ^ key1);
  const limit4 = i32x4.splat(limit);
  const kept4 = f32x4.splat(kept);
  // A block's counter is the index of its first word.
  let counter = i32x4(0, 2, 4, 6);
  for (let i = 0; i < length; i += 8) {
    let x0 = i32x4.add(counter, k0);
    let x1 = k1;
    x0 = i32x4.add(x0, x1);
    x1 = v128.xor(rotateLeft(x1, 13), x0);
    x0 = i32x4.add(x0, x1);
    x1 = v128.xor(rotateLeft(x1, 15), x0);
    x0 = i32x4.add(x0, x1);
    x1 = v128.xor(rotateLeft(x1, 26), x0);
    x0 = i32x4.add(x0, x1);
    x1 = v128.xor(rotateLeft(x1, 6), x0);
    x0 = i32x4.add(x0, k1);
    x1 = i32x4.add(x1, i32x4.add(k2, i32x4.splat(1)));
    x0 = i32x4.add(x0, x1);
    x1 = v128.xor(rotateLeft(x1, 17), x0);
    x0 = i32x4.add(x0, x1);
    x1 = v128.xor(rotateLeft(x1, 29), x0);
    x0 = i32x4.add(x0, x1);
    x1 = v128.xor(rotateLeft(x1, 16), x0);
    x0 = i32x4.add(x0, x1);
    x1 = v128.xor(rotateLeft(x1, 24), x0);
    x0 = i32x4.add(x0, k2);
    x1 = i32x4.add(x1, i32x4.add(k0, i32x4.splat(2)));
    x0 = i32x4.add(x0, x1);
    x1 = v128.xor(rotateLeft(x1, 13), x0);
    x0 = i32x4.add(x0, x1);
    x1 = v128.xor(rotateLeft(x1, 15), x0);
    x0 = i32x4.add(x0, x1);
    x1 = v128.xor(rotateLeft(x1, 26), x0);
    x0 = i32x4.add(x0, x1);
    x1 = v128.xor(rotateLeft(x1, 6), x0);
    x0 = i32x4.add(x0, k0);
    x1 = i32x4.add(x1, i32x4.add(k1, i32x4.splat(3)));
    x0 = i32x4.add(x0, x1);
    x1 = v128.xor(rotateLeft(x1, 17), x0);
    x0 = i32x4.add(x0, x1);
    x1 = v128.xor(rotateLeft(x1, 29), x0);
    x0 = i32x4.add(x0, x1);
    x1 = v128.xor(rotateLeft(x1, 16), x0);
    x0 = i32x4.add(x0, x1);
    x1 = v128.xor(rotateLeft(x1, 24), x0);
    x0 = i32x4.add(x0, k1);
    x1 = i32x4.add(x1, i32x4.add(k2, i32x4.splat(4)));
    x0 = i32x4.add(x0, x1);
    x1 = v128.xor(rotateLeft(x1, 13), x0);
    x0 = i32x4.add(x0, x1);
    x1 = v128.xor(rotateLeft(x1, 15), x0);
    x0 = i32x4.add(x0, x1);
    x1 = v128.xor(rotateLeft(x1, 26), x0);
    x0 = i32x4.add(x0, x1);
    x1 = v128.xor(rotateLeft(x1, 6), x0);
    x0 = i32x4.add(x0, k2);
    x1 = i32x4.add(x1, i32x4.add(k0, i32x4.splat(5)));
    const even = v128.andnot(kept4, i32x4.lt_u(x0, limit4));
    const odd = v128.andnot(kept4, i32x4.lt_u(x1, limit4));
    const at = target + ((<usize>i) << 2);
    v128.store(at, v128.shuffle<i32>(even, odd, 0, 4, 1, 5));
    v128.store(at, v128.shuffle<i32>(even, odd, 2, 6, 3, 7), 16);
    counter = i32x4.add(counter, i32x4.splat(8));
  }
}

/** Four float32 as the nearest bfloat16: the lower halves are zero, a NaN is the one NaN. */
function rounded4(x: v128): v128 {
  const odd = v128.and(i32x4.shr_u(x, 16), i32x4.splat(1));
  const nearest = v128.and(i32x4.add(x, i32x4.add(odd, i32x4.splat(0x7fff))), i32x4.splat(0xffff0000));
  return v128.bitselect(nearest, i32x4.splat(0x7fc00000), f32x4.eq(x, x));
}

/** The same for one. */
function rounded1(x: f32): u32 {
  const bits = reinterpret<u32>(x);
  return isNaN(x) ? 0x7fc00000 : (bits + 0x7fff + ((bits >> 16) & 1)) & 0xffff0000;
}

/** vector ← vector rounded to bfloat16. */
export function round(vector: usize, length: i32): void {
  const whole = length & ~3;
  for (let i = 0; i < whole; i += 4) {
    const at = vector + ((<usize>i) << 2);
    v128.store(at, rounded4(v128.load(at)));
  }
  for (let i = whole; i < length; i++) {
    const at = vector + ((<usize>i) << 2);
    store<u32>(at, rounded1(load<f32>(at)));
  }
}

/** sum ← sum + addend rounded to bfloat16. */
export function addRounded(sum: usize, addend: usize, length: i32): void {
  const whole = length & ~3;
  for (let i = 0; i < whole; i += 4) {
    const at = (<usize>i) << 2;
    v128.store(sum + at, rounded4(f32x4.add(v128.load(sum + at), v128.load(addend + at))));
  }
  for (let i = whole; i < length; i++) {
    const at = (<usize>i) << 2;
    store<u32>(sum + at, rounded1(load<f32>(sum + at) + load<f32>(addend + at)));
  }
}

/** Upper halves into the first half of the vector's bytes: never past what was read. */
export function narrow(vector: usize, length: i32): void {
  const whole = length & ~7;
  for (let i = 0; i < whole; i += 8) {
    const from = vector + ((<usize>i) << 2);
    const low = v128.load(from);
    const high = v128.load(from, 16);
    v128.store(vector + ((<usize>i) << 1), v128.shuffle<i16>(low, high, 1, 3, 5, 7, 9, 11, 13, 15));
  }
  for (let i = whole; i < length; i++) {
    store<u16>(vector + ((<usize>i) << 1), <u16>(load<u32>(vector + ((<usize>i) << 2)) >> 16));
  }
}

/** The way back, from the end: never over what is yet to be read. */
export function widen(vector: usize, length: i32): void {
  const whole = length & ~7;
  for (let i = length - 1; i >= whole; i--) {
    store<u32>(vector + ((<usize>i) << 2), (<u32>load<u16>(vector + ((<usize>i) << 1))) << 16);
  }
  const zeros = i32x4.splat(0);
  for (let i = whole - 8; i >= 0; i -= 8) {
    const narrow = v128.load(vector + ((<usize>i) << 1));
    const to = vector + ((<usize>i) << 2);
    v128.store(to, v128.shuffle<i16>(zeros, narrow, 0, 8, 1, 9, 2, 10, 3, 11));
    v128.store(to, v128.shuffle<i16>(zeros, narrow, 4, 12, 5, 13, 6, 14, 7, 15), 16);
  }
}
