import { isSetUpAtFirstUse } from '#here';
import { provision } from './provision.mjs';

/**
 * Makes TensorFlow usable if the cache of this machine has it: for the package, before its first computation. Downloads and
 * compiles nothing, and costs next to nothing when it is usable already.
 *
 * @returns {Promise<string | null>} why it is not usable, in one line; null when it is
 */
export async function obstacleToTensorflow() {
  if (!isSetUpAtFirstUse) return null;
  const { engine, detail } = await provision({ onlyCached: true, log: () => {} });
  return engine === 'tensorflow' ? null : detail;
}
