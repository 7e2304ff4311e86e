// How a process of the program is started in a clone: from a bundle of its sources. In the package: packaged/program.mjs.
import { fileURLToPath } from 'node:url';
import { bundledProgram } from './bundle.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** The processes that can be started, by the names of their bundles. */
const MAINS = {
  main: 'apps/cli/src/main.ts',
  'parameter-server': 'apps/parameter-server/src/main.ts',
  worker: 'apps/worker/src/main.ts',
};

/** Node's options that make it run TypeScript, from whatever folder it is started. */
export function nodeOptions() {
  return ['--import', import.meta.resolve('tsx')];
}

/**
 * Node's arguments that start a process of the program; its own come behind them.
 * @param {keyof typeof MAINS} entry which of the processes
 * @returns {Promise<string[]>} the last one is the path of its main module
 */
export async function programArguments(entry = 'main') {
  try {
    return ['--enable-source-maps', await bundledProgram(ROOT, entry)];
  } catch (error) {
    // A clone that can't be written to, or sources with a mistake, which tsx tells in full.
    process.stderr.write(`convoy: starts from its sources, which takes longer: ${error.message.split('\n')[0]}\n`);
    return [...nodeOptions(), fileURLToPath(new URL(`../${MAINS[entry]}`, import.meta.url))];
  }
}
