import { OperatorError, exitCodes } from '@convoy/protocol/errors';
import type { Engine, EngineName } from './engine.ts';
import { composedKernels } from './composed-kernels.ts';
import { loadTensorflow } from './tensorflow.ts';
import { loadWasm } from './wasm.ts';

export const ENGINE_CHOICES = ['auto', 'tensorflow', 'wasm'] as const satisfies readonly (EngineName | 'auto')[];
export type EngineChoice = (typeof ENGINE_CHOICES)[number];

export interface EngineOptions {
  /** `auto` takes TensorFlow where it loads, else WASM. */
  readonly engine: EngineChoice;
  /** What this process's environment gave TensorFlow, see {@link loadTensorflow}. */
  readonly threads: number;
  /** Told why WASM was taken instead of TensorFlow. */
  readonly onFallback: (reason: string) => void;
}

/**
 * Loads an engine and checks that it is the one that was asked for: the plain JavaScript backend, thousands of times
 * slower, is never trained on.
 * @throws OperatorError when the engine that was named does not load, or when TensorFlow computes in this process with another
 * number of threads already: it reads that once.
 */
export async function loadEngine({ engine, threads, onFallback }: EngineOptions): Promise<Engine> {
  if (engine !== 'wasm') {
    if (tensorflowThreads !== null && tensorflowThreads !== threads) {
      throw new OperatorError(
        `TensorFlow was loaded in this process with threads: ${tensorflowThreads}, not ${threads}: ask for as many, or start another process`,
        { exitCode: exitCodes.engine },
      );
    }
    try {
      const loaded = checked(loadTensorflow(threads));
      tensorflowThreads = threads;
      return loaded;
    } catch (cause) {
      const reason = (cause as Error).message.split('\n')[0]!;
      if (engine === 'tensorflow') {
        throw new OperatorError(
          `TensorFlow does not load (${reason}): set it up with "convoy setup", or choose the engine wasm`,
          {
            exitCode: exitCodes.engine,
            cause,
          },
        );
      }
      onFallback(`TensorFlow does not load (${reason}); computing with WASM, about ten times slower`);
    }
  }
  try {
    const tf = await loadWasm();
    return checked({ name: 'wasm', version: tf.version['tfjs'] ?? '', threads: 1, tf, kernels: composedKernels(tf) });
  } catch (cause) {
    throw new OperatorError(`the WASM engine does not load: ${(cause as Error).message}`, {
      exitCode: exitCodes.engine,
      cause,
    });
  }
}

/** With how many threads TensorFlow was loaded here; null while it is not. */
let tensorflowThreads: number | null = null;

function checked(engine: Engine): Engine {
  const backend = engine.tf.getBackend();
  if (backend !== engine.name) throw new Error(`TensorFlow.js chose the backend "${backend}"`);
  // One operation, to see that it computes at all. A thread that ends with the addon loaded and unused, on the other hand,
  // crashes its process (tfjs-node 4.22).
  const [four] = engine.tf.tidy(() => engine.tf.square(engine.tf.tensor1d([2])).dataSync<'float32'>());
  if (four !== 4) throw new Error(`2² came out as ${four}`);
  return engine;
}
