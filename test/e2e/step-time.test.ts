import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { Replay } from '@convoy/dashboard/replay/replay';
import { lateInWords } from '@convoy/dashboard/replay/step-arrivals';
import type { RunStatus } from '@convoy/protocol/run-status';
import { openBrowser, type BrowserTab } from '../support/browser.ts';
import { findChromium } from '../support/chromium.ts';
import { Convoy, temporaryFolder } from '../support/convoy.ts';
import { eventOf, steps } from '../support/run-watch.ts';
import { Pace, PACED_SHAPES } from '../support/workloads.ts';

const folder = temporaryFolder();
const chromium = findChromium();
const started: Convoy[] = [];
let tab: BrowserTab | null = null;
afterAll(async () => {
  await tab?.close();
  for (const { process } of started) if (process.exitCode === null) process.kill('SIGKILL');
  await Promise.all(started.map(({ finished }) => finished));
  folder.remove();
});

function start(pace: Pace, ...args: readonly string[]): Convoy {
  const program = new Convoy([...args, ...PACED_SHAPES], pace.env);
  started.push(program);
  return program;
}

function pace(name: string, msPerSample: number): Pace {
  const place = join(folder.path, name);
  mkdirSync(place);
  const made = new Pace(place);
  made.slow(msPerSample);
  return made;
}

it('the slower of two workers turns up on the page as the one that is late, and in the log with its times', async () => {
  const run = join(folder.path, 'run');
  // Less than twice as slow: its blocks are not given to the other as well.
  const paces = [pace('quick', 20), pace('slow', 32)];
  const training = ['--steps', '400', '--min-workers', '2', '--seed', '7', '--run-dir', run];
  const server = start(paces[0]!, 'coordinator', '--port', '0', '--json', '--linger', '0', ...training);
  const [, port] = await server.said(/^listening on ws:\S+:(\d+)/);
  for (const [rank, each] of paces.entries()) {
    start(each, 'worker', '--url', `ws://127.0.0.1:${port}`, '--threads', '1');
    await eventOf(run, 'worker-joined', (event) => event.rank === rank);
  }
  const url = `http://127.0.0.1:${port}/`;
  if (chromium === null) console.log('NOT CHECKED: the page itself, for there is no Chromium on this machine');
  else {
    tab = await openBrowser(chromium);
    await tab.open(url);
    const text = () => tab!.evaluate<string>('document.body.innerText');
    await expect.poll(text, { timeout: 120_000 }).toMatch(/Worker 1 was last in \d+ of the last \d+ steps, usually by/);
    // A lane's late results, and the leases of the step that is running.
    await expect
      .poll(() => tab!.evaluate(`document.querySelector('.bar.late[data-rank="1"]') !== null`), { timeout: 120_000 })
      .toBe(true);
    await expect.poll(text, { timeout: 120_000 }).toMatch(/worker \d step \d+, micro-batches \d to \d, for/);
  }
  const { workers } = (await (await fetch(`${url}v1/status`)).json()) as RunStatus;
  expect(workers.some(({ lease }) => lease?.work === 'gradient')).toBe(true);

  await steps(run, 1);
  server.process.kill('SIGINT');
  await server.finished;
  const replay = new Replay();
  for (const line of readFileSync(join(run, 'events.jsonl'), 'utf8').trim().split('\n')) replay.readLine(line);
  const words = lateInWords(replay.arrivals.recent);
  expect(words).toContain('Worker 1 was last');
  // All there is by now, and not a figure more.
  const { recent } = replay.arrivals;
  for (const { ms, arrivals } of recent) for (const [, atMs] of arrivals) expect(atMs).toBeLessThanOrEqual(ms);
  const done = replay.workers.all.map((worker) => worker.done);
  expect(done.every((count) => count > 0)).toBe(true);
  if (tab === null) return;
  await expect.poll(() => tab!.evaluate<string>('document.body.innerText'), { timeout: 120_000 }).toContain(words);
  const press = { type: 'keyDown', key: 'ArrowDown', code: 'ArrowDown' };
  await tab.evaluate(`document.querySelector('.lanes').focus()`);
  for (const key of ['ArrowDown', 'ArrowDown']) await tab.send('Input.dispatchKeyEvent', { ...press, key, code: key });
  await expect
    .poll(() => tab!.evaluate<string>(`document.querySelector('#chosen-result').innerText`))
    .toMatch(/^Worker 1, step \d+: its result came in after .* the last one, by \d+ ms\.$/);
  const table = `[...document.querySelectorAll('[aria-label="Table of workers"] tbody tr')].map((row) => Number(row.cells[6].innerText.replace(',', '')))`;
  expect((await tab.evaluate<number[]>(table)).sort()).toEqual([...done].sort());
  expect(tab.faults.filter((fault) => !fault.includes('ERR_CONNECTION_'))).toEqual([]);
});
