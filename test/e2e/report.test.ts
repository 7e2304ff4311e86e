import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { afterAll, expect, it } from 'vitest';
import { cifar10 } from '@convoy/cifar10/workload';
import type { SavedRun } from '@convoy/dashboard/replay/saved-run';
import { MAX_REPORT_BYTES, writeReport } from '@convoy/dashboard/report/write-report';
import { OperatorError } from '@convoy/protocol/errors';
import { percent } from '@convoy/protocol/metric';
import { resolveConfig } from '@convoy/training/config';
import { openBrowser } from '../support/browser.ts';
import { findChromium } from '../support/chromium.ts';
import { temporaryFolder } from '../support/convoy.ts';

const folder = temporaryFolder();
afterAll(() => folder.remove());

const recorded = readFileSync(
  new URL('../../packages/dashboard/src/replay/recorded-run.jsonl', import.meta.url),
  'utf8',
)
  .trim()
  .split('\n');
/** A worker's name, its engine's and what an operator is called come from others. */
const HOSTILE = `</script><script>document.title='mine'</script><!--<script>"'><img src=x onerror="document.title='mine'">`;

function makeRun(name: string, lines: readonly string[]): string {
  const path = join(folder.path, name);
  mkdirSync(path);
  writeFileSync(join(path, 'config.json'), JSON.stringify(resolveConfig(cifar10)));
  writeFileSync(join(path, 'events.jsonl'), lines.map((line) => `${line}\n`).join(''));
  return path;
}

function savedIn(html: string): SavedRun {
  const [, base64] = /<script type="application\/gzip" id="saved-run">([^<]*)<\/script>/.exec(html)!;
  return JSON.parse(gunzipSync(Buffer.from(base64!, 'base64')).toString()) as SavedRun;
}

it('a report is one file that opens without a server, shows the figures of its events, and runs nothing that they say', async () => {
  const run = makeRun(
    'hostile',
    recorded.map((line) => line.replace(/"name":"node:\d+"/, () => `"name":${JSON.stringify(HOSTILE)}`)),
  );
  const { path, bytes } = await writeReport(run);
  expect(readdirSync(run).sort()).toEqual(['config.json', 'events.jsonl', 'report.html']);
  const html = readFileSync(path, 'utf8');
  expect(Buffer.byteLength(html)).toBe(bytes);
  expect(savedIn(html).log.split('\n')).toHaveLength(recorded.length);
  // The policy lets in the one script that is the page, and the one style sheet.
  const inside = [...html.matchAll(/<(script|style)>([^]*?)<\/\1>/g)].map(([, kind, text]) => ({
    kind,
    digest: `${kind}-src 'sha256-${createHash('sha256').update(text!).digest('base64')}'`,
  }));
  expect(inside.map(({ kind }) => kind)).toEqual(['style', 'script']);
  for (const { digest } of inside) expect(html).toContain(digest);
  expect(html).toMatch(/Content-Security-Policy" content="default-src 'none'; script-src 'sha256-[^;']+'; style-src/);
  expect(html).not.toMatch(/(?:src|href)="(?!data:)/);

  const chromium = findChromium();
  if (chromium === null) return console.log('NOT CHECKED: the report in a browser, for there is no Chromium here');
  const tab = await openBrowser(chromium);
  try {
    await tab.open(pathToFileURL(path).href);
    const text = () => tab.evaluate<string>('document.body.innerText');
    const events = recorded.map((line) => JSON.parse(line) as Record<string, unknown>);
    const tested = events.findLast(({ type, purpose }) => type === 'evaluated' && purpose === 'test')!;
    const steps = events[0]!['totalSteps'];
    for (const words of [percent(tested['accuracy'] as number), `step ${steps} of ${steps}`, HOSTILE, 'optimizer.']) {
      await expect.poll(text, { timeout: 60_000 }).toContain(words);
    }
    expect(await tab.evaluate('document.title')).toBe(`${savedIn(html).name} · Convoy`);
    expect(await tab.evaluate('document.querySelectorAll("img, script:not([id]) ~ script").length')).toBe(0);
    expect(await tab.evaluate('document.querySelectorAll("canvas").length')).toBeGreaterThan(3);
    expect(tab.faults).toEqual([]);
  } finally {
    await tab.close();
  }
});

it('a report of a long run is small, has its peaks, and says how many of the steps it has', async () => {
  const first = recorded[0]!;
  const about = recorded.find((line) => line.includes('"type":"step"'))!;
  const step = JSON.parse(about) as Record<string, unknown>;
  const steps = Array.from({ length: 60_000 }, (_, n) =>
    JSON.stringify({
      ...step,
      at: n,
      step: n + 1,
      loss: n === 40_000 ? 77.5 : 1 + Math.sin(n) / 3,
      stepMs: 9 + (n % 5),
    }),
  );
  const { path, bytes } = await writeReport(makeRun('long', [first, ...steps]));
  expect(bytes).toBeLessThan(MAX_REPORT_BYTES);
  const saved = savedIn(readFileSync(path, 'utf8'));
  expect(saved.steps).toBe(60_000);
  expect(saved.keptSteps).toBeLessThanOrEqual(20_000);
  expect(saved.log).toContain('"loss":77.5');
});

it('a report that can’t be written leaves nothing behind and is told in one line', async () => {
  const run = makeRun('refused', recorded);
  mkdirSync(join(run, 'report.html'));
  writeFileSync(join(run, 'report.html', 'file'), '');
  const refused = await writeReport(run).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(OperatorError);
  expect((refused as Error).message).toMatch(/^can't write \S+report\.html: [^\n]+$/);
  expect(readdirSync(run).sort()).toEqual(['config.json', 'events.jsonl', 'report.html']);
});
