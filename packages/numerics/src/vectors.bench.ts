import { bench, describe } from 'vitest';
import { loadKernels } from './load-vectors.ts';
import { reference } from './reference.ts';
import {
  add,
  addBfloat16,
  allocateVector,
  kernelsAreInstalled,
  narrowToBfloat16,
  sumOfSquares,
  widenFromBfloat16,
} from './vectors.ts';

// Adam and the other updates are measured beside C and a copy of as many bytes by `npm run bench`.
loadKernels();
if (!kernelsAreInstalled()) throw new Error('the SIMD kernels are not compiled: run "npm run setup" first');

const PARAMETERS = 904_718;
const value = (i: number) => 0.001 * (i % 97);
const inside = [0, 1].map(() => {
  const vector = allocateVector(PARAMETERS);
  for (let i = 0; i < PARAMETERS; i++) vector[i] = value(i);
  return vector;
});
const outside = [0, 1].map(() => Float32Array.from({ length: PARAMETERS }, (_, i) => value(i)));

describe('adding a gradient of 904,718 parameters', () => {
  bench('SIMD', () => add(inside[0]!, inside[1]!));
  bench('plain TypeScript', () => reference.add(outside[0]!, outside[1]!));
});

describe('the norm of a gradient of 904,718 parameters', () => {
  bench('SIMD', () => void sumOfSquares(inside[0]!));
  bench('plain TypeScript', () => void reference.sumOfSquares(outside[0]!));
});

const rounded = {
  inside: inside.map(() => allocateVector(PARAMETERS)),
  outside: outside.map((vector) => vector.slice()),
};

describe('the same in bfloat16: rounded sums', () => {
  bench('SIMD', () => addBfloat16(inside[0]!, inside[1]!));
  bench('plain TypeScript', () => reference.addRounded(outside[0]!, outside[1]!));
});

describe('to two bytes each and back', () => {
  bench('SIMD', () => {
    narrowToBfloat16(rounded.inside[0]!);
    widenFromBfloat16(rounded.inside[0]!);
  });
  bench('plain TypeScript', () => {
    reference.narrow(rounded.outside[0]!);
    reference.widen(rounded.outside[0]!);
  });
});
