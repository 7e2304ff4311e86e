import { reference, type AdamScalars, type AdamVectors, type Kernels } from './reference.ts';

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
/** Of a cache line; SIMD needs 16. */
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
  if (sum.length !== addend.length) throw new RangeError(`can't add ${addend.length} values to ${sum.length}`);
  kernelsFor(sum, addend).add(sum, addend);
}

/** See {@link Kernels.sumOfSquares}: finite exactly when every element is. */
export function sumOfSquares(vector: Float32Array): number {
  return kernelsFor(vector).sumOfSquares(vector);
}

/** See {@link Kernels.adam}. @throws RangeError when the lengths differ. */
export function adam(vectors: AdamVectors, scalars: AdamScalars): void {
  const all = Object.values(vectors) as Float32Array[];
  const { length } = vectors.parameters;
  for (const vector of all) {
    if (vector.length !== length) throw new RangeError(`Adam's vectors differ: ${vector.length} and ${length} values`);
  }
  kernelsFor(...all).adam(vectors, scalars);
}

/** Those of the compiled kernels for vectors that lie in their memory, else the plain ones. */
function kernelsFor(...vectors: readonly Float32Array[]): Kernels {
  const isTheirs = (vector: Float32Array) => vector.buffer === compiled?.memory && vector.byteOffset % 16 === 0;
  return vectors.every(isTheirs) ? onAddresses : reference;
}

/** The compiled kernels, called with vectors. */
const onAddresses: Kernels = {
  add: (sum, addend) => compiled!.kernels.add(sum.byteOffset, addend.byteOffset, sum.length),
  sumOfSquares: (vector) => compiled!.kernels.sumOfSquares(vector.byteOffset, vector.length),
  adam: ({ gradientSum, parameters, m, v, parametersOut, mOut, vOut }, { samples, decay1, decay2, rate, epsilon }) => {
    const read = [gradientSum, parameters, m, v].map(({ byteOffset }) => byteOffset);
    const written = [parametersOut, mOut, vOut].map(({ byteOffset }) => byteOffset);
    compiled!.kernels.adam(...read, ...written, parameters.length, samples, decay1, decay2, rate, epsilon);
  },
};
