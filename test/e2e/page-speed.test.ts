import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { openPage } from '@convoy/dashboard/serve/open-page';
import { runsIn } from '@convoy/dashboard/serve/run-list';
import { openBrowser, type BrowserTab } from '../support/browser.ts';
import { findChromium } from '../support/chromium.ts';
import { temporaryFolder } from '../support/convoy.ts';
import { linesOf, longRunEvents, writeLongRun, type LongRun } from '../support/long-run.ts';

const STEPS = 100_000;
const run: LongRun = { name: 'long', steps: STEPS, stepsPerEpoch: 176, learningRate: 0.001, isEnded: false };
const folder = temporaryFolder();
const chromium = findChromium();
let tab: BrowserTab | null = null;
const page = await openPage(runsIn(folder.path));
afterAll(async () => {
  await tab?.close();
  await page.close();
  folder.remove();
});

/** Milliseconds for which the page's main thread has computed: however busy the machine is, that is about the same. */
async function computedMs(): Promise<number> {
  const { metrics } = (await tab!.send('Performance.getMetrics')) as {
    readonly metrics: readonly { readonly name: string; readonly value: number }[];
  };
  return 1_000 * metrics.find(({ name }) => name === 'TaskDuration')!.value;
}

/** Milliseconds that were computed for each frame in which the page drew something. */
async function frameMs(times: number, act: (index: number) => Promise<void>): Promise<number> {
  const framesSoFar = () => tab!.evaluate<number>('drawnFrames.size');
  const [frames, before] = [await framesSoFar(), await computedMs()];
  for (let index = 0; index < times; index++) await act(index);
  return ((await computedMs()) - before) / ((await framesSoFar()) - frames);
}

/** Waits in the page, which costs it nothing, as asking again and again would. */
async function shownSoon(words: string): Promise<void> {
  await tab!.evaluate(`new Promise((resolve) => {
    const look = () => document.querySelector('.facts').textContent.includes('${words}') && resolve(null);
    new MutationObserver(look).observe(document.querySelector('.facts'), { subtree: true, childList: true, characterData: true });
    look();
  })`);
}

/** Counts the frames in which a canvas is drawn, the crosshair moves or a text changes. */
const COUNT_FRAMES = `window.drawnFrames = new Set();
  const drawn = () => drawnFrames.add(document.timeline.currentTime);
  const { clearRect } = CanvasRenderingContext2D.prototype;
  CanvasRenderingContext2D.prototype.clearRect = function (...box) { drawn(); return clearRect.apply(this, box); };
  addEventListener('mousemove', drawn, true);
  new MutationObserver(drawn).observe(document, { subtree: true, childList: true, characterData: true, attributes: true });`;

async function shown(words: string): Promise<void> {
  const facts = () => tab!.evaluate<string>(`document.querySelector('.facts')?.textContent ?? ''`);
  await expect.poll(facts, { timeout: 120_000, interval: 100 }).toContain(words);
}

async function mouse(type: string, x: number, y: number, button = 'none'): Promise<void> {
  const buttons = button === 'left' && type !== 'mouseReleased' ? 1 : 0;
  await tab!.send('Input.dispatchMouseEvent', { type: `mouse${type}`, x, y, button, buttons, clickCount: 1 });
  await tab!.evaluate('new Promise((resolve) => requestAnimationFrame(() => resolve(null)))');
}

it('a run of 100,000 steps opens within 2 s, and costs less than 16 ms a frame when it goes on and is looked at', async () => {
  if (chromium === null) return console.log('NOT CHECKED: how fast the page is, for there is no Chromium');
  const path = writeLongRun(folder.path, run);
  tab = await openBrowser(chromium);
  await tab.send('Emulation.setDeviceMetricsOverride', {
    width: 1_280,
    height: 900,
    deviceScaleFactor: 1,
    mobile: false,
  });
  await tab.send('Performance.enable', { timeDomain: 'threadTicks' });
  await tab.send('Page.addScriptToEvaluateOnNewDocument', { source: COUNT_FRAMES });
  // The page is built for the first who asks.
  await (await fetch(page.url)).text();
  const before = await computedMs();
  await tab.open(`${page.url}#run=long`);
  await shown('step 100,000 of');
  const opening = (await computedMs()) - before;

  const more = longRunEvents({ ...run, steps: STEPS + 10 }).filter(
    (event) => event.type === 'step' && event.step > STEPS,
  );
  const following = await frameMs(more.length, async (index) => {
    appendFileSync(join(path, 'events.jsonl'), linesOf(more.slice(index, index + 1)));
    await shownSoon(`step ${(STEPS + index + 1).toLocaleString('en-US')} of`);
  });
  const [left, top] = await tab.evaluate<readonly [number, number]>(
    `(({ left, top }) => [left, top])(document.querySelector('.u-over').getBoundingClientRect())`,
  );
  const crosshair = await frameMs(40, (index) => mouse('Moved', left + 50 + 5 * index, top + 40));
  const zooming = await frameMs(5, async (index) => {
    await mouse('Pressed', left + 60 + 20 * index, top + 40, 'left');
    await mouse('Moved', left + 260 + 20 * index, top + 40, 'left');
    await mouse('Released', left + 260 + 20 * index, top + 40, 'left');
  });
  const measured = { opening, following, crosshair, zooming };
  console.log(
    Object.entries(measured)
      .map(([name, ms]) => `${name}: ${ms.toFixed(1)} ms`)
      .join(', '),
  );
  expect(await tab.evaluate<string>('document.querySelector(".controls").innerText')).toContain('Show all');
  expect(opening).toBeLessThan(2_000);
  expect(following).toBeLessThan(16);
  expect(crosshair).toBeLessThan(16);
  expect(zooming).toBeLessThan(16);
});
