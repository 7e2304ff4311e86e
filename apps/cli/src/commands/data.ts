import type { Command } from 'commander';
import { openConfigured } from '@convoy/cifar10/locate';
import { addFlags, pickFlags } from '../flags/flag.ts';
import { newCommand } from '../flags/help.ts';
import { dataFlags } from '../flags/run.ts';
import { Display } from '../terminal/display.ts';
import { stopSignals } from '../stop-signals.ts';

/** `data fetch`: CIFAR-10 into the cache, so that no run has to wait for it. */
export function dataCommand(): Command {
  const fetch = newCommand('fetch').description('find CIFAR-10 or download it to the cache, and check it');
  addFlags(fetch, pickFlags(dataFlags, 'dataDir'))
    .addHelpText(
      'after',
      `
Environment:
  CIFAR10_DIR            folder with the binary files
  CONVOY_CIFAR10_URL     another address for the archive: http:, https: or file:
  CONVOY_CACHE_DIR       where Convoy keeps what it downloads

Examples:
  $ convoy data fetch
  $ CONVOY_CIFAR10_URL=file:///srv/cifar-10-binary.tar.gz convoy data fetch`,
    )
    .action(fetchData);
  return newCommand('data').description('get the data set').addCommand(fetch);
}

async function fetchData(flags: { readonly dataDir?: string }): Promise<void> {
  const display = new Display();
  const stop = stopSignals();
  try {
    const dataset = await openConfigured(
      { name: 'cifar10' },
      { dataDir: flags.dataDir, environment: process.env, signal: stop.signal, onProgress: display.download },
    );
    display.close();
    process.stdout.write(
      `${dataset.origin}: ${dataset.trainCount} + ${dataset.testCount} images, fingerprint ${dataset.fingerprint.slice(0, 16)}\n`,
    );
  } finally {
    display.close();
  }
}
