import { Command } from 'commander';
import { createProgress } from '@convoy/infra/tensorflow/progress';
import { provision as provide, type Provision } from '@convoy/infra/tensorflow/provision';
import { exitCodes, OperatorError } from '@convoy/protocol/errors';
import { stopSignals } from '../stop-signals.ts';

/** `setup`: TensorFlow, ready to compute on this machine. */
export function setupCommand(): Command {
  return new Command('setup')
    .description('get TensorFlow for this machine: downloaded once (274 MB), and an addon compiled in half a minute')
    .option('--retry', 'try again what failed within the last hour', false)
    .addHelpText(
      'after',
      `
Needs Python 3 with pip, a C++ compiler and make. TensorFlow goes to the cache (CONVOY_CACHE_DIR, else ~/.cache/convoy);
without it Convoy computes with WASM, about 10 times slower.

Example:
  $ convoy setup`,
    )
    .action(setUp);
}

async function setUp({ retry }: { readonly retry: boolean }): Promise<void> {
  const progress = createProgress(process.stderr);
  const { signal } = stopSignals();
  let provision: Provision;
  try {
    provision = await provide({ retry, signal, log: progress.say, progress: progress.update });
  } finally {
    progress.end();
  }
  const { engine, how, detail } = provision;
  if (engine === 'tensorflow') {
    const origin = how === 'already working' ? '' : ` (from the ${how})`;
    process.stdout.write(`TensorFlow is ready${origin}: ${detail}\n`);
    return;
  }
  if (how === 'asked for') {
    process.stdout.write(`${detail}: Convoy computes with WASM\n`);
    return;
  }
  // What is missing has its line already.
  throw new OperatorError('TensorFlow is not set up: Convoy computes with WASM, about 10 times slower', {
    exitCode: exitCodes.engine,
  });
}
