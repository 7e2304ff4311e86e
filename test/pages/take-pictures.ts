// npx tsx test/pages/take-pictures.ts RUN
//
// The pictures of the page in docs/, of a run's folder: on a desk in both colours, and on a phone. Needs Chromium.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { openPage } from '@convoy/dashboard/serve/open-page';
import { runsIn } from '@convoy/dashboard/serve/run-list';
import { openBrowser, type BrowserTab } from '../support/browser.ts';
import { findChromium } from '../support/chromium.ts';

/** The last panel in the picture, by its name. */
const PICTURES = [
  { file: 'dashboard-light.png', width: 1_280, scale: 1, colors: 'light', last: 'Who is late' },
  { file: 'dashboard-dark.png', width: 1_280, scale: 1, colors: 'dark', last: 'Who is late' },
  { file: 'dashboard-phone.png', width: 390, scale: 2, colors: 'light', last: 'Charts' },
] as const;
/** Of a phone's: a screen and a half. */
const MOST_HEIGHT = 1_500;

const DOCS = fileURLToPath(new URL('../../docs', import.meta.url));
const run = process.argv[2];
const chromium = findChromium();
if (run === undefined || chromium === null) throw new Error('needs a run, and Chromium');

const page = await openPage(runsIn(run));
const tab = await openBrowser(chromium);
try {
  for (const picture of PICTURES) await take(tab, picture);
} finally {
  await tab.close();
  await page.close();
}

async function take(shown: BrowserTab, { file, width, scale, colors, last }: (typeof PICTURES)[number]): Promise<void> {
  const size = { width, height: 900, deviceScaleFactor: scale, mobile: width < 500 };
  await shown.send('Emulation.setDeviceMetricsOverride', size);
  await shown.send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: colors }] });
  await shown.open('about:blank');
  await shown.open(page.url);
  // A chart that is drawn has its figures in words.
  const isDrawn = `(() => {
    const charts = [...document.querySelectorAll('.chart [role=img]')];
    return charts.length > 0 && charts.every((chart) => chart.ariaLabel.includes(': '));
  })()`;
  while (!(await shown.evaluate<boolean>(isDrawn))) await new Promise((resolve) => setTimeout(resolve, 100));
  const end = await shown.evaluate<number>(
    `document.querySelector('[aria-label="${last}"]').getBoundingClientRect().bottom`,
  );
  const height = Math.min(Math.ceil(end) + 14, MOST_HEIGHT);
  const { data } = (await shown.send('Page.captureScreenshot', {
    captureBeyondViewport: true,
    clip: { x: 0, y: 0, width, height, scale: 1 },
  })) as { readonly data: string };
  const { size: bytes } = await sharp(Buffer.from(data, 'base64'))
    .png({ palette: true, colors: 128, compressionLevel: 9, effort: 10 })
    .toFile(join(DOCS, file));
  console.log(`${file}: ${width} x ${height}, ${(bytes / 1_000).toFixed(0)} kB`);
}
