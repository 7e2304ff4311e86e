// npx tsx test/bench/watched.ts [PAIRS]
//
// What watching costs: two workers with one thread each, global batch 256, in turn unwatched and with a viewer who follows the page's
// events while /metrics is read every second. The ratio of each pair. Uses CIFAR10_DIR where it is set, else synthetic images.
import { join } from 'node:path';
import { median } from './statistics.ts';
import { Convoy, summaryOf, temporaryFolder } from '../support/convoy.ts';

const pairs = Number(process.argv[2] ?? 3);
const dataset = process.env['CIFAR10_DIR'] === undefined ? 'synthetic' : 'cifar10';
const folder = temporaryFolder();

async function samplesPerSecond(name: string, isWatched: boolean): Promise<number> {
  const run = ['--batch-size', '256', '--steps', '60', '--validation-split', '0', '--dataset', dataset];
  const cluster = ['--workers', '2', '--threads', '1', '--run-dir', join(folder.path, name), '--json'];
  const training = new Convoy(['train', ...run, ...cluster]);
  const [, page] = await training.said(/page: (http:\S+)/);
  const watching = isWatched ? [follow(`${page}v1/events`), scrape(`${page}metrics`)] : [];
  const finished = await training.finished;
  const [bytes, scrapes] = await Promise.all(watching);
  if (isWatched) console.log(`  ${bytes} bytes of events, metrics read ${scrapes} times`);
  return summaryOf(finished).samplesPerSecond;
}

/** Reads what a page reads until the run is over. @returns the bytes. */
async function follow(url: string): Promise<number> {
  let bytes = 0;
  for await (const piece of (await fetch(url)).body!) bytes += piece.byteLength;
  return bytes;
}

/** @returns how often. */
async function scrape(url: string): Promise<number> {
  for (let times = 0; ; times++) {
    const response = await fetch(url).catch(() => null);
    if (response === null) return times;
    if (!(await response.text()).includes('convoy_step')) throw new Error(`${url} has no metrics`);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
}

const ratios: number[] = [];
for (let pair = 0; pair < pairs; pair++) {
  const speed = new Map<boolean, number>();
  // The other one first each time, for a machine that gets slower or faster.
  for (const isWatched of pair % 2 === 0 ? [false, true] : [true, false]) {
    speed.set(isWatched, await samplesPerSecond(`${isWatched ? 'watched' : 'alone'}-${pair}`, isWatched));
  }
  const [alone, watched] = [speed.get(false)!, speed.get(true)!];
  ratios.push(watched / alone);
  const speeds = `unwatched ${alone.toFixed(0)}, watched ${watched.toFixed(0)} images/s`;
  console.log(`${dataset}: ${speeds}, ratio ${(watched / alone).toFixed(3)}`);
}
console.log(`median ratio ${median(ratios).toFixed(3)} of ${pairs} pairs`);
folder.remove();
