// node infra/setup.mjs [--retry]
//
// Makes a fresh clone ready: the right Node, the dependencies, the SIMD kernels, TensorFlow. `npm start` and `npm test` run it
// first, so a second call has to cost next to nothing. Before node_modules exists only Node's own modules can be imported here.
// --retry tries again what failed within the last hour, such as a download.
import { fileURLToPath } from 'node:url';
import { ensureDependencies } from './dependencies.mjs';
import { nodeVersionFault } from './node-version.mjs';
import { createProgress } from './tensorflow/progress.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const progress = createProgress(process.stderr);

const fault = nodeVersionFault(root, process.versions.node);
if (fault) fail(fault);

const interruption = new AbortController();
for (const [name, code] of /** @type {const} */ ([
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
])) {
  process.on(name, () => {
    process.exitCode = code;
    interruption.abort(new Error(name));
  });
}

try {
  await ensureDependencies(root, { log: progress.say, signal: interruption.signal });
} catch (error) {
  fail(error.message);
}

// The modules behind these lines need the dependencies.
try {
  const { compileKernels } = await import('@convoy/numerics/compile');
  await compileKernels();
} catch (error) {
  // Nothing depends on them but some milliseconds a step.
  progress.say(`${error.message}: the vectors' arithmetic runs as plain TypeScript`);
}
const { provision } = await import('./tensorflow/provision.mjs');
const beganAt = performance.now();
try {
  const { engine, how, detail } = await provision({
    root,
    log: progress.say,
    progress: progress.update,
    signal: interruption.signal,
    retry: process.argv.includes('--retry'),
  });
  progress.end();
  const seconds = ((performance.now() - beganAt) / 1000).toFixed(1);
  if (engine === 'wasm' && how === 'asked for') progress.say(`${detail}: Convoy computes with WASM`);
  else if (engine === 'wasm') progress.say('Convoy computes with WASM instead of TensorFlow, about 10 times slower');
  else if (how !== 'already working') progress.say(`TensorFlow is ready (from the ${how}, ${seconds} s)`);
} catch (error) {
  progress.end();
  if (!interruption.signal.aborted) throw error;
}

function fail(line) {
  progress.say(line);
  process.exit(process.exitCode || 1);
}
