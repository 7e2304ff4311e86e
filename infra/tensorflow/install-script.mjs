import { lastLine, run } from './command.mjs';
import { selfTest } from './installation.mjs';
import { Obstacle } from './obstacle.mjs';

const TIMEOUT_MS = 5 * 60_000;

/**
 * Runs the install script that tfjs-node comes with, which downloads a library and an addon built by its authors. Their
 * storage has refused everybody since August 2026 (tensorflow/tfjs#8742), but a mirror can be set with its own variable
 * `TFJS_NODE_CDN_STORAGE`, and it may come back.
 *
 * @param {import('./installation.mjs').Installation} installation
 * @param {{ env: NodeJS.ProcessEnv, signal?: AbortSignal }} options
 */
export async function runInstallScript(installation, { env, signal }) {
  const result = await run([process.execPath, installation.installScript], {
    cwd: installation.tfjs,
    env,
    signal,
    timeoutMs: TIMEOUT_MS,
  });
  // It reports some of its failures with exit code 0: only loading the addon tells.
  const test = await selfTest(installation, { env, signal });
  if (test.ok) return;
  const reason = result.ok ? test.why : lastLine(result.stderr) || lastLine(result.stdout) || result.outcome;
  throw new Obstacle(
    `the install script of tfjs-node failed (${reason}): nothing to change here unless you have a mirror: set ` +
      'TFJS_NODE_CDN_STORAGE to its address',
  );
}
