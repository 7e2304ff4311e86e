import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadKernels } from '@convoy/numerics/load-vectors';
import { reference, type AdamScalars } from '@convoy/numerics/reference';
import { adam, add, allocateVector, sumOfSquares } from '@convoy/numerics/vectors';
import { lessonModel } from '@convoy/cifar10/models';
import { median } from './statistics.ts';

export interface ArithmeticResult {
  readonly name: string;
  readonly ms: number;
}

const REPEATS = 200;
const SCALARS: AdamScalars = {
  divisor: 256,
  decay1: 0.1,
  decay2: 0.001,
  rate: 0.001,
  epsilon: 1e-7,
  keep: 1,
};

/** What the server's arithmetic takes for the lesson's CNN, beside plain TypeScript, C and a copy of as many bytes. */
export function measureArithmetic(length = lessonModel.parameterCount): readonly ArithmeticResult[] {
  loadKernels();
  const compiled = vectors(() => allocateVector(length));
  const plain = vectors(() => new Float32Array(length));
  const results: ArithmeticResult[] = [
    { name: 'Adam, SIMD', ms: medianMs((repeat) => adam(namesOf(compiled, repeat), SCALARS)) },
    { name: 'Adam, plain TypeScript', ms: medianMs((repeat) => reference.adam(namesOf(plain, repeat), SCALARS)) },
  ];
  const c = adamInC(length);
  if (c !== null) results.push({ name: 'Adam, C', ms: c });
  return [
    ...results,
    {
      name: 'a copy of as many bytes as Adam reads and writes',
      // 4 vectors are read and 3 written: three and a half copies.
      ms: medianMs(() => {
        for (let i = 0; i < 3; i++) compiled[i]!.set(compiled[i + 3]!);
        compiled[6]!.subarray(0, length / 2).set(compiled[0]!.subarray(0, length / 2));
      }),
    },
    { name: 'adding a gradient, SIMD', ms: medianMs(() => add(compiled[0]!, compiled[1]!)) },
    { name: 'adding a gradient, plain TypeScript', ms: medianMs(() => reference.add(plain[0]!, plain[1]!)) },
    { name: "a gradient's norm, SIMD", ms: medianMs(() => sumOfSquares(compiled[0]!)) },
    { name: "a gradient's norm, plain TypeScript", ms: medianMs(() => reference.sumOfSquares(plain[0]!)) },
  ];
}

function vectors(allocate: () => Float32Array): Float32Array[] {
  return Array.from({ length: 7 }, () => {
    const vector = allocate();
    for (let i = 0; i < vector.length; i++) vector[i] = 0.001 * (i % 97);
    return vector;
  });
}

/** From one set to the other and back, as a server does. */
function namesOf([gradientSum, a, b, c, d, e, f]: readonly Float32Array[], repeat: number) {
  const [from, to] =
    repeat % 2 === 0 ? [[a, b, c] as const, [d, e, f] as const] : [[d, e, f] as const, [a, b, c] as const];
  const [parameters, m, v] = from as [Float32Array, Float32Array, Float32Array];
  const [parametersOut, mOut, vOut] = to as [Float32Array, Float32Array, Float32Array];
  return { gradientSum: gradientSum!, parameters, m, v, parametersOut, mOut, vOut };
}

function medianMs(run: (repeat: number) => void): number {
  for (let repeat = 0; repeat < 20; repeat++) run(repeat);
  const times = Array.from({ length: REPEATS }, (_, repeat) => {
    const startedMs = performance.now();
    run(repeat);
    return performance.now() - startedMs;
  });
  return median(times);
}

/** Null where there is no C compiler. */
function adamInC(length: number): number | null {
  const folder = mkdtempSync(join(tmpdir(), 'convoy-bench-'));
  const program = join(folder, 'adam');
  const source = fileURLToPath(new URL('adam.c', import.meta.url));
  try {
    execFileSync('cc', ['-O3', '-march=native', '-ffp-contract=off', '-fno-math-errno', source, '-o', program, '-lm'], {
      stdio: 'ignore',
    });
    return Number(execFileSync(program, [String(length), String(REPEATS)], { encoding: 'utf8' }));
  } catch {
    return null;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
