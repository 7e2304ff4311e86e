import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { openPage } from '@convoy/dashboard/serve/open-page';
import { runsIn } from '@convoy/dashboard/serve/run-list';
import { seriousViolations } from '../support/axe.ts';
import { openBrowser, type BrowserTab } from '../support/browser.ts';
import { findChromium } from '../support/chromium.ts';
import { temporaryFolder } from '../support/convoy.ts';
import { writeLongRun } from '../support/long-run.ts';

const folder = temporaryFolder();
writeLongRun(folder.path, { name: 'ended', steps: 120, stepsPerEpoch: 20, learningRate: 0.01 });
writeLongRun(folder.path, { name: 'going', steps: 90, stepsPerEpoch: 20, learningRate: 0.002, isEnded: false });
// A worker of this one was killed, and its coordinator.
const recorded = new URL('../../packages/dashboard/src/replay/recorded-run.jsonl', import.meta.url);
mkdirSync(join(folder.path, 'recorded'));
copyFileSync(recorded, join(folder.path, 'recorded', 'events.jsonl'));
writeFileSync(join(folder.path, 'recorded', 'config.json'), '{"seed":7}');

const PAGES = [
  { name: 'a run that is over', address: '#run=recorded', has: 'Completed' },
  { name: 'a run that trains', address: '#run=going', has: 'step 90 of 180' },
  { name: 'the list', address: '#chosen=going&chosen=ended', has: 'Compare 2 runs' },
  { name: 'a comparison', address: '#compare=going&compare=ended&compare=recorded', has: '3 runs compared' },
];

const chromium = findChromium();
let tab: BrowserTab | null = null;
const page = await openPage(runsIn(folder.path));
afterAll(async () => {
  await tab?.close();
  await page.close();
  folder.remove();
});

async function show(address: string, has: string, width: number): Promise<BrowserTab> {
  tab ??= await openBrowser(chromium!);
  const isPhone = width < 500;
  await tab.send('Emulation.setDeviceMetricsOverride', { width, height: 900, deviceScaleFactor: 1, mobile: isPhone });
  await tab.send('Emulation.setTouchEmulationEnabled', { enabled: isPhone });
  await tab.send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: 'light' }] });
  await tab.open('about:blank');
  await tab.open(page.url + address);
  const text = () => tab!.evaluate<string>('document.body?.innerText ?? ""');
  await expect.poll(text, { timeout: 120_000 }).toContain(has);
  return tab;
}

/** A test that says when it could not be made. */
function check(fact: string, isSo: () => Promise<void>): void {
  it(fact, async () => {
    if (chromium === null) console.log(`NOT CHECKED: ${fact}, for there is no Chromium on this machine`);
    else await isSo();
  });
}

check('nothing on a page keeps people out, in both colours', async () => {
  for (const { name, address, has } of PAGES) {
    const light = await show(address, has, 1_280);
    expect([name, 'light', await seriousViolations(light)]).toEqual([name, 'light', []]);
    await light.evaluate(`document.querySelector('.top button').click()`);
    const dark = await seriousViolations(light, ['color-contrast']);
    expect([name, 'dark', dark]).toEqual([name, 'dark', []]);
  }
});

/** What can be used without a pointer, and what cannot be hit by a finger. */
const CONTROLS = `[...document.querySelectorAll('a[href], button, input, select, summary, [tabindex="0"]')].filter(
  (element) => element.checkVisibility() && !element.disabled,
)`;

check('a phone shows all of a page in its width, with controls that are large enough for a finger', async () => {
  for (const { name, address, has } of PAGES) {
    const shown = await show(address, has, 390);
    expect([name, await shown.evaluate('document.documentElement.scrollWidth')]).toEqual([name, 390]);
    const small = await shown.evaluate<readonly string[]>(`${CONTROLS}.flatMap((element) => {
      // A label around a box belongs to it.
      const { width, height } = (element.closest('label') ?? element).getBoundingClientRect();
      return width >= 24 && height >= 32 ? [] : [element.outerHTML.slice(0, 80) + ' ' + width + ' x ' + height];
    })`);
    expect([name, small]).toEqual([name, []]);
  }
});

check('every control is reached by the keyboard, and one sees where one is', async () => {
  for (const { name, address, has } of PAGES) {
    const shown = await show(address, has, 1_280);
    const count = await shown.evaluate<number>(`${CONTROLS}.length`);
    await shown.evaluate(`window.reached = new Set(); window.unmarked = []`);
    for (let presses = 0; presses < 2 * count; presses++) {
      for (const type of ['keyDown', 'keyUp']) {
        await shown.send('Input.dispatchKeyEvent', { type, key: 'Tab', code: 'Tab', windowsVirtualKeyCode: 9 });
      }
      await shown.evaluate(`(() => {
        const element = document.activeElement;
        if (element === document.body || reached.has(element)) return;
        reached.add(element);
        const { outlineStyle, outlineWidth } = getComputedStyle(element);
        if (outlineStyle === 'none' || parseFloat(outlineWidth) < 2) unmarked.push(element.outerHTML.slice(0, 80));
      })()`);
    }
    const missed = `${CONTROLS}.filter((element) => !reached.has(element)).map((each) => each.outerHTML.slice(0, 80))`;
    expect([name, await shown.evaluate(missed), await shown.evaluate('unmarked')]).toEqual([name, [], []]);
  }
});
