import {
  reference,
  type AdamScalars,
  type AdamVectors,
  type Kernels,
  type RmspropScalars,
  type RmspropVectors,
  type SgdScalars,
  type SgdVectors,
} from './reference.ts';

/**
 * Flat float32 vectors and the arithmetic on them. Where the compiled kernels are installed, `allocateVector` takes from
 * their memory, and an operation whose vectors all lie there runs as WebAssembly SIMD; every other runs as plain TypeScript.
 * The bits are the same either way, so nobody has to know which it was.
 */

/**
 * Room for the compiled kernels' vectors, the first that can be had. Address space: a page that nobody wrote to costs no
 * memory. All that 32 bits can address is the state and some gradients of a hundred million parameters.
 */
const MEMORY_BYTES = [2 ** 32, 2 ** 29];
const PAGE_BYTES = 64 * 1024;
/** A cache line's length, at which vectors begin. A part of a vector may begin anywhere: SIMD is only a little slower there. */
const ALIGNMENT = 64;

/** What is used of it here: neither TypeScript's library for ES2023 nor Node's types declare it as a value. */
declare const WebAssembly: {
  readonly Memory: new (size: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer };
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: object };
};

interface CompiledKernels {
  add(sum: number, addend: number, length: number): void;
  sumOfSquares(vector: number, length: number): number;
  adam(...addressesThenScalars: number[]): void;
  sgd(...addressesThenScalars: number[]): void;
  rmsprop(...addressesThenScalars: number[]): void;
  mask(target: number, length: number, key0: number, key1: number, limit: number, kept: number): void;
  round(vector: number, length: number): void;
  addRounded(sum: number, addend: number, length: number): void;
  narrow(vector: number, length: number): void;
  widen(vector: number, length: number): void;
}

interface Compiled {
  readonly kernels: CompiledKernels;
  readonly memory: ArrayBuffer;
  /** Everything below is taken; nothing is given back. */
  taken: number;
}

let compiled: Compiled | null = null;

/**
 * Installs the kernels that ../assembly/kernels.ts was compiled to, once per thread.
 * @throws when the bytes are not theirs, this engine has no SIMD, or the address space can't be had.
 */
export function installKernels(wasm: Uint8Array): void {
  if (compiled !== null) return;
  const memory = reserve(MEMORY_BYTES);
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(wasm), { env: { memory } });
  compiled = { kernels: exports as unknown as CompiledKernels, memory: memory.buffer, taken: ALIGNMENT };
}

/** @throws RangeError when none of the sizes can be had. */
function reserve([bytes, ...smaller]: readonly number[]): { readonly buffer: ArrayBuffer } {
  const pages = bytes! / PAGE_BYTES;
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages });
  } catch (error) {
    if (smaller.length === 0) throw error;
    return reserve(smaller);
  }
}

/** Whether vectors from {@link allocateVector} are computed on by the compiled kernels. */
export function kernelsAreInstalled(): boolean {
  return compiled !== null;
}

/** Zeros. They last as long as the process: for vectors that are kept and used again. */
export function allocateVector(length: number): Float32Array {
  if (compiled === null) return new Float32Array(length);
  const at = compiled.taken;
  const end = at + Math.ceil((length * Float32Array.BYTES_PER_ELEMENT) / ALIGNMENT) * ALIGNMENT;
  if (end > compiled.memory.byteLength) return new Float32Array(length);
  compiled.taken = end;
  return new Float32Array(compiled.memory, at, length);
}

/** sum ← sum + addend, each element rounded to float32 once. @throws RangeError when the lengths differ. */
export function add(sum: Float32Array, addend: Float32Array): void {
  assertAddable(sum, addend);
  kernelsFor(sum, addend).add(sum, addend);
}

/** sum ← sum + addend, each element rounded to bfloat16. @throws RangeError when the lengths differ. */
export function addBfloat16(sum: Float32Array, addend: Float32Array): void {
  assertAddable(sum, addend);
  kernelsFor(sum, addend).addRounded(sum, addend);
}

/** See {@link Bfloat16Kernels.round}. */
export function roundToBfloat16(vector: Float32Array): void {
  kernelsFor(vector).round(vector);
}

/** See {@link Bfloat16Kernels.narrow}: the elements are lost. */
export function narrowToBfloat16(vector: Float32Array): void {
  kernelsFor(vector).narrow(vector);
}

/** See {@link Bfloat16Kernels.widen}. */
export function widenFromBfloat16(vector: Float32Array): void {
  kernelsFor(vector).widen(vector);
}

/** See {@link Kernels.sumOfSquares}: finite exactly when every element is. */
export function sumOfSquares(vector: Float32Array): number {
  return kernelsFor(vector).sumOfSquares(vector);
}

/** See {@link Kernels.adam}. @throws RangeError when the lengths differ. */
export function adam(vectors: AdamVectors, scalars: AdamScalars): void {
  kernelsFor(...presentOf(vectors)).adam(vectors, scalars);
}

/** See {@link Kernels.sgd}. @throws RangeError when the lengths differ. */
export function sgd(vectors: SgdVectors, scalars: SgdScalars): void {
  kernelsFor(...presentOf(vectors)).sgd(vectors, scalars);
}

/** See {@link Kernels.rmsprop}. @throws RangeError when the lengths differ. */
export function rmsprop(vectors: RmspropVectors, scalars: RmspropScalars): void {
  kernelsFor(...presentOf(vectors)).rmsprop(vectors, scalars);
}

/** The vectors that are there. @throws RangeError when they are not of one length. */
function presentOf(vectors: AdamVectors | SgdVectors | RmspropVectors): Float32Array[] {
  const present = (Object.values(vectors) as (Float32Array | null)[]).filter((vector) => vector !== null);
  const { length } = vectors.parameters;
  for (const vector of present) {
    if (vector.length !== length)
      throw new RangeError(`an update's vectors differ: ${vector.length} and ${length} values`);
  }
  return present;
}

/** How {@link drawMask} draws. */
export interface MaskDraw {
  /** The key of a Threefry-2x32-20 stream. */
  readonly key0: number;
  readonly key1: number;
  /** Words below it become 0, the others `kept`. */
  readonly threshold: number;
  readonly kept: number;
}

/**
 * Writes `length` multipliers at `vector[at]`, two for each block of the stream, if the kernels are installed and the vector
 * is one of theirs. The plain way is the caller's, who has the generator.
 * @returns how many are written: the whole multiple of 8, or none.
 */
export function drawMask(
  vector: Float32Array,
  at: number,
  length: number,
  { key0, key1, threshold, kept }: MaskDraw,
): number {
  const limit = Math.ceil(threshold);
  if (vector.buffer !== compiled?.memory || limit > 0xffff_ffff) return 0;
  if (at + length > vector.length) throw new RangeError(`no room for ${length} values at ${at} of ${vector.length}`);
  const whole = length - (length % 8);
  compiled.kernels.mask(vector.byteOffset + 4 * at, whole, key0, key1, limit, kept);
  return whole;
}

function assertAddable(sum: Float32Array, addend: Float32Array): void {
  if (sum.length !== addend.length) throw new RangeError(`can't add ${addend.length} values to ${sum.length}`);
}

/** Those of the compiled kernels for vectors that lie in their memory, else the plain ones. */
function kernelsFor(...vectors: readonly Float32Array[]): Kernels {
  return vectors.every(({ buffer }) => buffer === compiled?.memory) ? onAddresses : reference;
}

/** The compiled kernels, called with vectors. */
const onAddresses: Kernels = {
  add: (sum, addend) => compiled!.kernels.add(sum.byteOffset, addend.byteOffset, sum.length),
  sumOfSquares: (vector) => compiled!.kernels.sumOfSquares(vector.byteOffset, vector.length),
  adam(vectors, { divisor, decay1, decay2, rate, epsilon, keep }) {
    const { gradientSum, parameters, m, v, parametersOut, mOut, vOut } = vectors;
    const addresses = [gradientSum, parameters, m, v, parametersOut, mOut, vOut].map(addressOf);
    compiled!.kernels.adam(...addresses, parameters.length, divisor, decay1, decay2, rate, epsilon, keep);
  },
  sgd(vectors, { divisor, rate, momentum, ahead, aside, keep }) {
    const { gradientSum, parameters, velocity, parametersOut, velocityOut } = vectors;
    const addresses = [gradientSum, parameters, velocity, parametersOut, velocityOut].map(addressOf);
    compiled!.kernels.sgd(...addresses, parameters.length, divisor, rate, momentum, ahead, aside, keep);
  },
  rmsprop(vectors, { divisor, rate, decay, inertia, epsilon, keep }) {
    const { gradientSum, parameters, velocity, momentum, averageGradient } = vectors;
    const { parametersOut, velocityOut, momentumOut, averageGradientOut } = vectors;
    const read = [gradientSum, parameters, velocity, momentum, averageGradient].map(addressOf);
    const written = [parametersOut, velocityOut, momentumOut, averageGradientOut].map(addressOf);
    compiled!.kernels.rmsprop(...read, ...written, parameters.length, divisor, rate, decay, inertia, epsilon, keep);
  },
  round: (vector) => compiled!.kernels.round(vector.byteOffset, vector.length),
  addRounded: (sum, addend) => compiled!.kernels.addRounded(sum.byteOffset, addend.byteOffset, sum.length),
  narrow: (vector) => compiled!.kernels.narrow(vector.byteOffset, vector.length),
  widen: (vector) => compiled!.kernels.widen(vector.byteOffset, vector.length),
};

/** 0, where no vector is ever allocated, stands for none. */
function addressOf(vector: Float32Array | null): number {
  return vector === null ? 0 : vector.byteOffset;
}
