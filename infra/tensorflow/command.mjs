import { spawn } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** How much of a command's output is kept for its error line. */
const KEPT_CHARACTERS = 64 * 1024;

/**
 * Runs a command to its end and keeps its output. Never throws for the command's own failure: look at `ok`.
 *
 * @param {string[]} command the program and its arguments
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, signal?: AbortSignal, timeoutMs: number }} options
 * @returns {Promise<{ ok: boolean, outcome: string, stdout: string, stderr: string }>} `outcome` reads "exit 1",
 *   "killed by SIGILL", "not ended after 30 s" or "not found"
 */
export function run([program, ...args], { cwd, env = process.env, signal, timeoutMs }) {
  signal?.throwIfAborted();
  return new Promise((resolve, reject) => {
    // A group of its own, so that a compiler started by make started by node-gyp ends with it.
    const detached = process.platform !== 'win32';
    const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], windowsHide: true, detached });
    const output = { stdout: '', stderr: '' };
    for (const name of /** @type {const} */ (['stdout', 'stderr'])) {
      child[name].setEncoding('utf8').on('data', (text) => {
        output[name] = (output[name] + text).slice(-KEPT_CHARACTERS);
      });
    }
    let timedOut = false;
    const stop = () => {
      try {
        if (detached && child.pid) process.kill(-child.pid, 'SIGKILL');
        else child.kill('SIGKILL');
      } catch {
        // It has ended already.
      }
    };
    const timer = setTimeout(() => {
      timedOut = true;
      stop();
    }, timeoutMs);
    signal?.addEventListener('abort', stop);
    const release = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', stop);
    };
    child.on('error', (error) => {
      release();
      const outcome = /** @type {NodeJS.ErrnoException} */ (error).code === 'ENOENT' ? 'not found' : error.message;
      resolve({ ok: false, outcome, ...output });
    });
    child.on('close', (code, killedBy) => {
      release();
      if (signal?.aborted) return reject(signal.reason);
      const outcome = timedOut
        ? `not ended after ${timeoutMs / 1000} s`
        : killedBy
          ? `killed by ${killedBy}`
          : `exit ${code}`;
      resolve({ ok: code === 0, outcome, ...output });
    });
  });
}

/** The line that tells most, for a one-line error: the last that names an error and is no stack frame, else the last. */
export function lastLine(text) {
  const lines = text
    .split(/[\r\n]+/)
    .map((line) => line.trim())
    .filter((line) => line && !/^at /.test(line));
  return lines.findLast((line) => /error\b/i.test(line)) ?? lines.at(-1) ?? '';
}

/** The absolute path of a program on PATH, as a shell would find it. */
export function findOnPath(program, env = process.env) {
  for (const directory of (env.PATH ?? '').split(delimiter)) {
    if (!directory) continue;
    const path = join(directory, program);
    try {
      accessSync(path, constants.X_OK);
      if (statSync(path).isFile()) return path;
    } catch {
      // Not here: the next directory.
    }
  }
  return undefined;
}
