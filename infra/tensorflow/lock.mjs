import { setTimeout as delay } from 'node:timers/promises';
import { join } from 'node:path';
import lockfile from 'proper-lockfile';
import { Obstacle } from './obstacle.mjs';

/**
 * @typedef {object} Patience
 * @property {() => void} [onWait] called once when somebody else works
 * @property {AbortSignal} [signal]
 * @property {number} [staleMs] a killed holder's lock is taken over after this; a living one renews it twice as often
 * @property {number} [pollMs]
 * @property {number} [waitMs] for how long to wait for a living one
 */
const DEFAULTS = { staleMs: 10_000, pollMs: 250, waitMs: 30 * 60_000 };

/**
 * Does `work` while no other process on this cache does any.
 *
 * @template T
 * @param {string} directory must exist
 * @param {Patience} patience
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(directory, patience, work) {
  const release = await acquire(directory, patience);
  try {
    return await work();
  } finally {
    // Releasing fails when the lock was lost, e.g. while the machine slept. What we did is whole all the same.
    await release().catch(() => {});
  }
}

/** @param {string} directory @param {Patience} patience */
async function acquire(directory, { onWait, signal, ...patience }) {
  const staleMs = patience.staleMs ?? DEFAULTS.staleMs;
  const pollMs = patience.pollMs ?? DEFAULTS.pollMs;
  const waitMs = patience.waitMs ?? DEFAULTS.waitMs;
  const deadline = Date.now() + waitMs;
  for (let waited = false; ; waited = true) {
    try {
      return await lockfile.lock(directory, {
        realpath: false,
        lockfilePath: join(directory, 'provision.lock'),
        stale: staleMs,
        // Harmless: every result is renamed into place whole, and a second one is dropped.
        onCompromised: () => {},
      });
    } catch (error) {
      if (error.code !== 'ELOCKED') throw error;
    }
    if (!waited) onWait?.();
    if (Date.now() > deadline) {
      throw new Obstacle(
        `another Convoy command has been preparing TensorFlow for ${waitMs / 60_000} minutes: end it and try again`,
      );
    }
    await delay(pollMs, undefined, { signal });
  }
}
