// Starts one of Convoy's programs in a process whose environment is right from its first instruction: what the
// C library and TensorFlow read, they read before any JavaScript runs.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { programArguments } from '#program';
import { passSignals } from './pass-signals.mjs';
import { passErrors, programStreams, restoreTerminal } from './standard-error.mjs';

export { programArguments };

/** Kept pages: glibc gives large freed blocks back to the kernel by default, and a fresh 3.6 MB costs up to 12 ms of page faults. */
const GLIBC_TUNABLES =
  'glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=1073741824:glibc.malloc.trim_threshold=4294967296:glibc.malloc.arena_max=1';

/**
 * The environment that Convoy's programs run in; what the user has set stays.
 * @param {NodeJS.ProcessEnv} env
 * @returns {NodeJS.ProcessEnv}
 */
export function launchEnvironment(env) {
  return {
    GLIBC_TUNABLES,
    // Warnings and errors only: TensorFlow greets at length otherwise.
    TF_CPP_MIN_LOG_LEVEL: '2',
    ...env,
  };
}

/**
 * Runs the program in this process's place: its input, output, signals and exit code are the program's.
 * TensorFlow's greeting is left out of its errors.
 * @param {string[]} args
 * @param {'main' | 'parameter-server' | 'worker'} entry which of the processes
 */
export async function launch(args, entry = 'main') {
  const child = spawn(process.execPath, [...(await programArguments(entry)), ...args], {
    // Its channel tells the program when this process is gone, however it went.
    ...programStreams(launchEnvironment(process.env)),
    // A session of its own: Ctrl-C reaches this process alone and is passed on once, like every other signal.
    detached: true,
  });
  passSignals(child);
  passErrors(child);
  child.on('error', (error) => {
    process.stderr.write(`convoy: can't start ${process.execPath}: ${error.message}\n`);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => {
    if (signal !== null) restoreTerminal();
    process.exitCode = code ?? 128 + constants.signals[signal];
  });
}
