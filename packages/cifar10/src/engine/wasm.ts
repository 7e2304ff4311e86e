import { createRequire } from 'node:module';
import { dirname, sep } from 'node:path';
import { registerWasmKernels, type Tf } from './wasm-kernels.ts';

/**
 * tfjs on its WASM backend, ready to train: the fallback where TensorFlow's native library can't be had. The same results to
 * within float32 rounding, on one thread per process, three to five times slower than native on one thread. The backend
 * itself picks its SIMD build where the engine has SIMD, as every supported Node does.
 * @throws Error when the backend does not start.
 */
export async function loadWasm(): Promise<Tf> {
  // Not `import`: the CommonJS builds, the ones that @tensorflow/tfjs-node uses too, share one registry of kernels.
  const require = createRequire(import.meta.url);
  const tf = require('@tensorflow/tfjs') as Tf;
  const packageName = '@tensorflow/tfjs-backend-wasm';
  const { setWasmPaths } = require(packageName) as typeof import('@tensorflow/tfjs-backend-wasm');
  if (tf.getBackend() !== 'wasm') {
    setWasmPaths(dirname(require.resolve(packageName)) + sep);
    if (!(await tf.setBackend('wasm')))
      throw new Error(`the WASM backend of ${packageName} did not start: see the warning above`);
    await tf.ready();
  }
  registerWasmKernels(tf);
  return tf;
}
