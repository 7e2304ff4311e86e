import type { Command } from 'commander';
import { createProgress } from '@convoy/infra/tensorflow/progress';
import { provision as provide, type Provision } from '@convoy/infra/tensorflow/provision';
import { exitCodes, OperatorError } from '@convoy/protocol/errors';
import { addFlags, flagTable, type FlagValues } from '../flags/flag.ts';
import { newCommand } from '../flags/help.ts';
import { stopSignals } from '../stop-signals.ts';

const setupFlags = flagTable({
  retry: { help: 'retry what failed within the last hour', default: false as boolean },
});

/** `setup`: TensorFlow, ready to compute on this machine. */
export function setupCommand(): Command {
  const command = newCommand('setup').description(
    'install TensorFlow: download it once (274 MB) and compile an addon, which takes half a minute',
  );
  return addFlags(command, setupFlags)
    .addHelpText(
      'after',
      `
This needs Python 3 with pip, a C++ compiler and make. TensorFlow goes to the cache (CONVOY_CACHE_DIR, else ~/.cache/convoy).
Without TensorFlow, Convoy computes with WASM, about 10 times slower.

Example:
  $ convoy setup`,
    )
    .action(setUp);
}

async function setUp({ retry }: FlagValues<typeof setupFlags>): Promise<void> {
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
