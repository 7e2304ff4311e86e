// npx tsx test/bench/scaling.ts [PAIRS]
//
// Throughput of one and of two workers with one thread each, global batch 256, in turn: the ratio of each pair, so that a
// machine whose speed drifts is compared with itself. Uses CIFAR10_DIR where it is set, else synthetic images.
import { join } from 'node:path';
import { convoy, summaryOf, temporaryFolder } from '../support/convoy.ts';

const pairs = Number(process.argv[2] ?? 3);
const dataset = process.env['CIFAR10_DIR'] === undefined ? 'synthetic' : 'cifar10';
const folder = temporaryFolder();

async function samplesPerSecond(workers: number, name: string): Promise<number> {
  const run = ['--batch-size', '256', '--steps', '40', '--validation-split', '0', '--dataset', dataset];
  const cluster = ['--workers', String(workers), '--threads', '1', '--run-dir', join(folder.path, name), '--json'];
  return summaryOf(await convoy(['train', ...run, ...cluster])).samplesPerSecond;
}

const ratios: number[] = [];
for (let pair = 0; pair < pairs; pair++) {
  const one = await samplesPerSecond(1, `one-${pair}`);
  const two = await samplesPerSecond(2, `two-${pair}`);
  ratios.push(two / one);
  console.log(
    `${dataset}: 1 worker ${one.toFixed(0)}, 2 workers ${two.toFixed(0)} images/s, ratio ${(two / one).toFixed(2)}`,
  );
}
ratios.sort((a, b) => a - b);
console.log(`median ratio ${ratios[Math.floor(ratios.length / 2)]!.toFixed(2)} of ${pairs} pairs`);
folder.remove();
