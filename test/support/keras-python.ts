import { spawnSync } from 'node:child_process';
import { installedPeerPython } from '../bench/peers.ts';

/** Without loading it, which takes seconds: Keras 3 and something for it to compute with. */
const HAS_KERAS =
  "from importlib.util import find_spec as f; from importlib.metadata import version as v; raise SystemExit(0 if f('keras') and v('keras') >= '3' and (f('tensorflow') or f('torch') or f('jax')) else 1)";

/** A Python with Keras 3: CONVOY_KERAS_PYTHON, the one that the bench installed, or python3; null where none has it. */
export function findKerasPython(): string | null {
  const named = process.env['CONVOY_KERAS_PYTHON'];
  if (named !== undefined) return named;
  for (const python of [installedPeerPython(), 'python3']) {
    if (python !== null && spawnSync(python, ['-c', HAS_KERAS], { stdio: 'ignore' }).status === 0) return python;
  }
  return null;
}
