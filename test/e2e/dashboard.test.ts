import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import type { ListedRun } from '@convoy/dashboard/replay/listed-run';
import { percent, readMetric } from '@convoy/protocol/metric';
import type { RunEvent } from '@convoy/protocol/run-events';
import { openBrowser, type BrowserTab } from '../support/browser.ts';
import { findChromium } from '../support/chromium.ts';
import { Convoy, convoy, summaryOf, temporaryFolder } from '../support/convoy.ts';
import { eventOf, eventsSoFar, serverPid, steps } from '../support/run-watch.ts';
import { Pace, PACED_SHAPES, SHAPES } from '../support/workloads.ts';

type Predictions = Extract<RunEvent, { type: 'predictions' }>;

const folder = temporaryFolder();
const runs = join(folder.path, 'runs');
const pace = new Pace(folder.path);
const chromium = findChromium();
const started: Convoy[] = [];
let tab: BrowserTab | null = null;
afterAll(async () => {
  await tab?.close();
  for (const { process } of started) if (process.exitCode === null) process.kill('SIGKILL');
  await Promise.all(started.map(({ finished }) => finished));
  folder.remove();
});

function start(args: readonly string[], env: Readonly<Record<string, string>> = {}): Convoy {
  const program = new Convoy(args, { ...pace.env, ...env });
  started.push(program);
  return program;
}

/** Evaluated in pieces that several workers have a part in. */
const EQUAL = ['--deterministic', '--seed', '7', '--evaluation-batch-size', '8'];
const TRAINING = [...EQUAL, '--json'];
const linesOf = (run: string) =>
  readFileSync(join(runs, run, 'events.jsonl'), 'utf8')
    .trim()
    .split('\n');

/** The lines that a stream of events has until it ends, or until `enough`, and the id of the last message. */
async function linesFrom(
  url: string,
  headers: Record<string, string> = {},
  enough: (lines: readonly string[]) => boolean = () => false,
): Promise<{ readonly lines: readonly string[]; readonly lastId: string }> {
  const stop = new AbortController();
  const response = await fetch(url, { headers, signal: stop.signal });
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8']);
  const lines: string[] = [];
  let lastId = '';
  let text = '';
  for await (const piece of response.body!.pipeThrough(new TextDecoderStream())) {
    text += piece;
    const messages = text.split('\n\n');
    text = messages.pop()!;
    for (const message of messages) {
      lastId = /^id: (\d+)$/m.exec(message)?.[1] ?? lastId;
      lines.push(...[...message.matchAll(/^data: (.*)$/gm)].map(([, line]) => line!));
    }
    if (enough(lines)) break;
  }
  stop.abort();
  return { lines, lastId };
}

/** What a run's evaluations took their samples for, as its log has it last. */
function predictionsOf(run: string): readonly Predictions[] {
  const last = new Map<string, Predictions>();
  for (const line of linesOf(run)) {
    const event = JSON.parse(line) as RunEvent;
    if (event.type === 'predictions') last.set(`${event.purpose} ${event.step}`, { ...event, at: 0 });
  }
  return [...last.values()];
}

/** Waits until the page has those words, and all of it fits its width. */
async function shown(page: BrowserTab, ...words: readonly string[]): Promise<void> {
  const text = () => page.evaluate<string>('document.body.innerText');
  for (const word of words) await expect.poll(text, { timeout: 120_000 }).toContain(word);
  expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0);
}

/** What the page's table of epochs says, row by row. */
async function figuresOn(page: BrowserTab): Promise<readonly (readonly string[])[]> {
  await page.evaluate(
    `[...document.querySelectorAll('details')].find(({ textContent }) => textContent.includes('Figures by epoch')).open = true`,
  );
  const isThere = `document.querySelector('[aria-label="Table of figures by epoch"]') !== null`;
  await expect.poll(() => page.evaluate(isThere), { timeout: 120_000 }).toBe(true);
  return page.evaluate(`[...document.querySelectorAll('[aria-label="Table of figures by epoch"] tbody tr')].map(
    (row) => [...row.cells].map((cell) => cell.textContent),
  )`);
}

/** The same from the log: of what was done again, the last counts. */
function figuresIn(events: readonly RunEvent[]): readonly (readonly string[])[] {
  const rows = new Map<number, string[]>();
  for (const event of events) {
    if (event.type !== 'epoch-ended' && !(event.type === 'evaluated' && event.purpose === 'validation')) continue;
    const figures = [event.loss.toPrecision(4), percent(readMetric(event).value)];
    const trained = event.type === 'epoch-ended' ? figures : rows.get(event.step)!.slice(2, 4);
    const validated = event.type === 'epoch-ended' ? ['–', '–'] : figures;
    rows.set(event.step, [String(event.step), String(event.epoch + 1), ...trained, ...validated]);
  }
  return [...rows].sort(([a], [b]) => b - a).map(([, row]) => row);
}

it('a run can be followed from any line while it trains, and its page ends with its figures', async () => {
  pace.slow();
  const run = join(runs, 'followed');
  const training = start(['train', '--workers', '3', ...PACED_SHAPES, ...TRAINING, '--steps', '42', '--run-dir', run]);
  const [, url] = await training.said(/^page: (\S+)/);
  if (chromium === null) console.log('NOT CHECKED: the page itself, for there is no Chromium on this machine');
  else {
    tab = await openBrowser(chromium);
    await tab.send('Emulation.setDeviceMetricsOverride', {
      width: 390,
      height: 844,
      deviceScaleFactor: 1,
      mobile: true,
    });
    await tab.open(url!);
  }
  await steps(run, 3);
  // A viewer whose connection breaks in the midst of it goes on where it was.
  const first = await linesFrom(`${url}v1/events?from=0`, {}, (lines) => lines.some((line) => /"step":2,/.test(line)));
  const all = linesFrom(`${url}v1/events`);
  const rest = linesFrom(`${url}v1/events?from=0`, { 'last-event-id': first.lastId });
  pace.full();
  const summary = summaryOf(await training.finished);
  const lines = linesOf('followed');
  expect((await all).lines).toEqual(lines);
  expect([...first.lines, ...(await rest).lines]).toEqual(lines);
  if (tab === null) return;
  await shown(tab, 'Completed', 'step 42 of 42', percent(summary.testAccuracy!), percent(summary.validationAccuracy!));
  expect(tab.faults.filter((fault) => !fault.includes('ERR_CONNECTION_REFUSED'))).toEqual([]);
});

it('with tokens a link opens the page, which goes on by itself when the coordinator is killed and resumed', async () => {
  const run = join(runs, 'resumed');
  const tokenFile = join(folder.path, 'tokens');
  expect((await convoy(['token', '--file', tokenFile])).code).toBe(0);
  const [worker, , viewer] = readFileSync(tokenFile, 'utf8').match(/^c[wov]_\S+/gm)!;
  pace.slow();
  const serving = ['coordinator', '--token-file', tokenFile, '--json', '--linger', '0', ...PACED_SHAPES];
  const training = [...EQUAL, '--steps', '42', '--checkpoint-every', '5', '--run-dir', run];
  const first = start([...serving, '--port', '0', ...training]);
  const [, port] = await first.said(/^listening on ws:\S+:(\d+)/);
  const url = `http://127.0.0.1:${port}`;
  const work = ['worker', '--url', url.replace('http', 'ws'), '--threads', '1', ...PACED_SHAPES];
  for (let i = 0; i < 2; i++) start(work, { CONVOY_TOKEN: worker! });
  await steps(run, 6);
  const link = (await start(['dashboard', url], { CONVOY_TOKEN: viewer! }).finished).stdout.trim();
  expect(link).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/#link=[\w-]{43}$/);
  if (tab !== null) {
    await tab.open(link);
    await shown(tab, 'Training');
    expect(await tab.evaluate('location.hash + document.cookie')).toBe('');
  }
  // A worker that is killed turns up as such at once, and as gone when its time is over.
  const { name } = await eventOf(run, 'worker-joined', ({ workers }) => workers === 2);
  process.kill(Number(name.split(':')[1]), 'SIGKILL');
  if (tab !== null) await shown(tab, 'suspect', 'connection lost');
  const left = await eventOf(run, 'worker-left');
  if (tab !== null) await shown(tab, '1 taking part, 1 gone', left.reason);
  process.kill(serverPid(run), 'SIGKILL');
  await first.finished;
  if (tab !== null) await shown(tab, 'No connection');
  const second = start([...serving, '--port', port!, '--resume', run]);
  if (tab !== null) await shown(tab, 'The run goes on after step', 'Training');
  pace.full();
  const summary = summaryOf(await second.finished);
  expect(summary.outcome).toBe('completed');
  if (tab !== null) {
    await shown(tab, 'Completed', 'step 42 of 42', percent(summary.testAccuracy!));
    // No step is missing and none is there twice, and the figures are those of the log.
    const curve = `document.querySelector('[aria-label^="Loss: "]').getAttribute('aria-label')`;
    expect(await tab.evaluate(curve)).toMatch(/^Loss: 42 steps, [\d.]+ at step 42,/);
    expect(await figuresOn(tab)).toEqual(figuresIn(eventsSoFar(run)));
  }

  // Three workers without a crash, and one that went on with a resumed coordinator.
  const predictions = predictionsOf('resumed');
  expect(predictions).toEqual(predictionsOf('followed'));
  expect(predictions.map(({ purpose, step }) => `${purpose} ${step}`)).toEqual([
    ...[7, 14, 21, 28, 35, 42].map((at) => `validation ${at}`),
    'test 42',
  ]);
  const evaluated = await convoy(['evaluate', run, ...PACED_SHAPES, '--split', 'validation', '--json']);
  const counted = JSON.parse(evaluated.stdout) as { readonly confusion: unknown };
  expect(predictions.at(-2)!.confusion).toMatchObject({ counts: counted.confusion });
  const { confusion, worst } = predictions.at(-1)!;
  if (confusion === null || !('counts' in confusion)) throw new Error('there is no matrix');
  expect(confusion.counts.reduce((sum, row, label) => sum + row[label]!, 0) / 60).toBe(summary.testAccuracy);
  if (tab === null) return;
  const cells = `[...document.querySelectorAll('.matrix tbody tr')].map((row) =>
    [...row.querySelectorAll('td.right, td.wrong')].map(({ textContent }) => Number(textContent)))`;
  expect(await tab.evaluate(cells)).toEqual(confusion.counts);
  const pictures = `[...document.querySelectorAll('[aria-label="Worst mistakes"] img')].map((image) =>
    [image.alt, image.complete && image.naturalWidth])`;
  expect(await tab.evaluate(pictures)).toEqual(
    worst.map(({ index, truth }) => [`Sample ${index} of the test: ${truth as string}`, 16]),
  );
});

it('a page that is open notices that another run has come to its place, and shows that one from its beginning', async () => {
  if (tab === null) return console.log('NOT CHECKED: what an open page does with another run, without Chromium');
  const run = join(runs, 'again');
  const training = ['train', '--single', ...SHAPES, ...TRAINING, '--run-dir', run];
  expect((await start([...training, '--steps', '14']).finished).code).toBe(0);
  const dashboard = start(['dashboard', run]);
  await dashboard.said(/Ctrl-C ends/);
  await tab.open(/http:\S+/.exec(dashboard.saidOnStdout())![0]);
  await shown(tab, 'Completed', 'step 14 of 14');
  rmSync(run, { recursive: true });
  expect((await start([...training, '--steps', '7']).finished).code).toBe(0);
  await shown(tab, 'Another run has started here', 'Completed', 'step 7 of 7');
  expect(await figuresOn(tab)).toEqual(figuresIn(eventsSoFar(run)));
  dashboard.process.kill('SIGINT');
  await dashboard.finished;
});

it('a run in one process has its page too, and finished runs have theirs', async () => {
  const run = join(runs, 'single');
  const training = start(['train', '--single', ...SHAPES, ...TRAINING, '--steps', '14', '--run-dir', run]);
  const [, url] = await training.said(/^page: (\S+)/);
  const { lines } = await linesFrom(`${url}v1/events`);
  const summary = summaryOf(await training.finished);
  expect(lines).toEqual(linesOf('single'));

  const dashboard = start(['dashboard', runs]);
  await dashboard.said(/Ctrl-C ends/);
  const [page] = /http:\S+/.exec(dashboard.saidOnStdout())!;
  const listed = (await (await fetch(`${page}v1/runs`)).json()) as ListedRun[];
  expect(listed).toContainEqual(
    expect.objectContaining({ name: 'single', state: 'ended', step: 14, testMetric: summary.testAccuracy }),
  );
  if (tab !== null) {
    await tab.open(page);
    await shown(tab, 'followed', 'single');
    await tab.evaluate(
      `[...document.querySelectorAll('a')].find(({ textContent }) => textContent === 'single').click()`,
    );
    await shown(tab, 'Completed', 'step 14 of 14', percent(summary.testAccuracy!));
    // Two runs are laid over one another, and the address names them.
    await tab.open(page);
    await shown(tab, 'followed', 'single');
    await tab.evaluate(
      `for (const name of ['followed', 'single']) document.querySelector('[aria-label="Compare ' + name + '"]').click()`,
    );
    await shown(tab, 'Compare 2 runs');
    await tab.evaluate(`document.querySelector('.action').click()`);
    await shown(tab, '2 runs compared', '42 of 42', '14 of 14', percent(summary.testAccuracy!), 'maxSteps');
    await tab.send('Page.reload');
    await shown(tab, '2 runs compared', '42 of 42', '14 of 14');
    expect(await tab.evaluate('location.hash')).toBe('#compare=followed&compare=single');
  }
  dashboard.process.kill('SIGINT');
  expect((await dashboard.finished).code).toBe(0);
});
