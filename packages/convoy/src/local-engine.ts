import type { EngineChoice } from '@convoy/engine/backends/load';
import { programName } from '@convoy/infra/program-name';
import { obstacleToTensorflow } from '@convoy/infra/tensorflow/first-use';
import { launchEnvironment } from '@convoy/infra/launch';

/**
 * The engine to compute with on this machine: WASM when any would do and TensorFlow is not set up here.
 * @param onNote told that once, in a line that says what to do.
 */
export async function usableEngine(choice: EngineChoice, onNote: (line: string) => void): Promise<EngineChoice> {
  if (choice === 'wasm') return choice;
  const obstacle = await obstacleToTensorflow();
  if (obstacle === null || choice === 'tensorflow') return choice;
  onNote(`${obstacle}: "${programName().join(' ')} setup" gets it; computing with WASM, about ten times slower`);
  return 'wasm';
}

/** Keeps TensorFlow from greeting at length on stderr when it loads in this process, unless the environment wants it to. */
export function quietTensorflow(): void {
  process.env['TF_CPP_MIN_LOG_LEVEL'] ??= launchEnvironment({})['TF_CPP_MIN_LOG_LEVEL'];
}
