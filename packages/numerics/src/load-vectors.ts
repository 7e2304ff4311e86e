import { readFileSync } from 'node:fs';
import { compiledFile } from '#kernels';
import { installKernels, kernelsAreInstalled } from './vectors.ts';

/**
 * Installs the compiled kernels in this thread if `npm run setup` has left them: call it before vectors are allocated.
 * @returns whether they compute from now on. Without them results are the same, some milliseconds a step later.
 */
export function loadKernels(): boolean {
  if (kernelsAreInstalled()) return true;
  let wasm: Uint8Array;
  try {
    wasm = readFileSync(compiledFile());
  } catch {
    // Not compiled, or a bundle without sources.
    return false;
  }
  try {
    installKernels(wasm);
  } catch (error) {
    // No SIMD on this processor, or no address space to reserve.
    if (error instanceof RangeError || (error as Error).name === 'CompileError') return false;
    throw error;
  }
  return true;
}
