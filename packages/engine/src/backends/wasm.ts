import { createRequire } from 'node:module';
import { dirname, sep } from 'node:path';
import { loadedApart } from './apart.ts';
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
  const packageName = '@tensorflow/tfjs-backend-wasm';
  const { tf, setWasmPaths } = loadedApart(() => ({
    tf: require('@tensorflow/tfjs') as Tf,
    ...(require(packageName) as typeof import('@tensorflow/tfjs-backend-wasm')),
  }));
  if (tf.getBackend() !== 'wasm') {
    setWasmPaths(dirname(require.resolve(packageName)) + sep);
    if (!(await tf.setBackend('wasm')))
      throw new Error(`the WASM backend of ${packageName} did not start: see the warning above`);
    await tf.ready();
    removeEmscriptenListeners();
  }
  registerWasmKernels(tf);
  return tf;
}

/**
 * Emscripten makes every rejection that nobody handles, and every error that nobody catches, end the process, whatever the
 * program around us had decided. What it told apart with that (the exit of a program compiled to WASM) does not happen here.
 */
function removeEmscriptenListeners(): void {
  // Their text, without what a bundler may set otherwise.
  const bare = (text: string) => text.replace(/[\s;{}]/g, '');
  const theirs = {
    uncaughtException: bare('function (ex) { if (!(ex instanceof ExitStatus)) { throw ex; } }'),
    unhandledRejection: bare('function (reason) { throw reason; }'),
  };
  for (const [event, text] of Object.entries(theirs)) {
    for (const listener of process.listeners(event as 'uncaughtException')) {
      if (bare(String(listener)) === text) process.removeListener(event, listener);
    }
  }
}
