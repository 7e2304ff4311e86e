import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { openBrowser, type BrowserTab } from '../support/browser.ts';
import { findChromium } from '../support/chromium.ts';
import { Convoy, convoy, summaryOf, temporaryFolder } from '../support/convoy.ts';
import { eventOf, eventsSoFar, expectSameResult, serverPid, steps } from '../support/run-watch.ts';
import { Pace, PACED_SHAPES } from '../support/workloads.ts';

const folder = temporaryFolder();
const pace = new Pace(folder.path);
const started: Convoy[] = [];
const chromium = findChromium();
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

const TRAINING = [...PACED_SHAPES, '--deterministic', '--seed', '7', '--steps', '28', '--json'];
const pathOf = (name: string) => join(folder.path, name);

/** The same training, with nobody to disturb it. */
const undisturbed = once(async () =>
  summaryOf(await start(['train', '--single', ...TRAINING, '--run-dir', pathOf('undisturbed')]).finished),
);

function once<Value>(make: () => Promise<Value>): () => Promise<Value> {
  let made: Promise<Value> | null = null;
  return () => (made ??= make());
}

it('a paused run does nothing until it is told to go on, and one that is killed in a pause is resumed from it', async () => {
  const reference = await undisturbed();
  pace.slow();
  const run = pathOf('paused');
  const first = start(['coordinator', '--port', '0', '--linger', '0', ...TRAINING, '--run-dir', run]);
  const [, url] = await first.said(/^listening on (ws:[^;]+)/);
  for (let n = 0; n < 2; n++) start(['worker', '--url', url!, '--threads', '1', ...PACED_SHAPES]);
  await steps(run, 3);
  const pause = await convoy(['pause', run]);
  expect(pause.stdout).toBe(
    `${run} pauses after the step that it is computing, with a checkpoint; go on with: convoy unpause ${run}\n`,
  );
  const { step } = await eventOf(run, 'paused');
  await eventOf(run, 'checkpoint-saved', (saved) => saved.step === step);
  const again = await convoy(['pause', run]);
  expect([again.code, again.stderr]).toEqual([2, 'convoy: it is paused already']);
  // Between asking twice and this, workers would have done a step.
  expect((await convoy(['unpause', run])).code).toBe(0);
  await eventOf(run, 'step', (each) => each.step === step + 2);
  const kinds = eventsSoFar(run).map(({ type }) => type);
  const between = kinds.slice(kinds.indexOf('paused') + 1, kinds.lastIndexOf('resumed'));
  expect(between.filter((type) => type !== 'memory')).toEqual([
    'checkpoint-saved',
    'operator-request',
    'operator-request',
  ]);

  const before = kinds.length;
  expect((await convoy(['pause', run])).code).toBe(0);
  const { step: second } = await eventOf(run, 'paused', () => true, before);
  await eventOf(run, 'checkpoint-saved', (saved) => saved.step === second, before);
  process.kill(serverPid(run), 'SIGKILL');
  pace.full();
  const summary = summaryOf(await convoy(['resume', run, '--single', '--json', ...PACED_SHAPES]));
  expect(eventsSoFar(run)).toContainEqual(expect.objectContaining({ type: 'run-resumed', step: second }));
  expectSameResult(summary, reference);
});

it("an operator's link has buttons that pause the run and let it go on; a viewer's has none", async () => {
  if (chromium === null) {
    console.log('NOT CHECKED: the buttons of the page, for there is no Chromium on this machine');
    return;
  }
  const reference = await undisturbed();
  pace.slow();
  const run = pathOf('steered');
  const tokenFile = pathOf('tokens');
  expect((await convoy(['token', '--file', tokenFile])).code).toBe(0);
  const [worker, operator] = readFileSync(tokenFile, 'utf8').match(/^c[wo]_\S+/gm)!;
  const serving = ['coordinator', '--token-file', tokenFile, '--port', '0', '--linger', '0'];
  const training = start([...serving, ...TRAINING, '--run-dir', run]);
  const [, url] = await training.said(/^listening on (ws:[^;]+)/);
  start(['worker', '--url', url!, '--threads', '1', ...PACED_SHAPES], { CONVOY_TOKEN: worker! });
  const page = (tab = await openBrowser(chromium));
  await page.send('Emulation.setDeviceMetricsOverride', {
    width: 390,
    height: 844,
    deviceScaleFactor: 1,
    mobile: true,
  });
  const text = () => page.evaluate<string>('document.body.innerText');
  const shows = (word: string) => expect.poll(text, { timeout: 120_000 }).toContain(word);
  const linked = async (...more: string[]) => {
    const link = await start(['dashboard', url!, ...more], { CONVOY_TOKEN: operator! }).finished;
    await page.open('about:blank');
    await page.open(link.stdout.trim());
  };
  const press = (label: string) =>
    page.evaluate(
      `{ const found = [...document.querySelectorAll('dialog[open] button, .actions > button')].filter((each) => each.textContent.startsWith(${JSON.stringify(label)})); const button = found.find((each) => each.closest('dialog')) ?? found[0]; button.focus(); button.click(); }`,
    );
  await linked();
  await shows('Training');
  // Where it may not steer the coordinator says so.
  const refused = `fetch('v1/pause', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' }).then((answer) => answer.status)`;
  expect([await page.evaluate(`document.querySelector('.actions')`), await page.evaluate(refused)]).toEqual([
    null,
    403,
  ]);

  await linked('--operator');
  await shows('Pause …');
  await press('Pause');
  await shows('Pause the run?');
  expect(await page.evaluate('document.activeElement.textContent')).toBe('Cancel');
  const escape = { key: 'Escape', code: 'Escape', windowsVirtualKeyCode: 27 };
  for (const type of ['keyDown', 'keyUp']) await page.send('Input.dispatchKeyEvent', { type, ...escape });
  await expect.poll(() => page.evaluate(`document.querySelector('dialog')`)).toBe(null);
  expect(await page.evaluate('document.activeElement.textContent')).toBe('Pause …');
  await press('Pause');
  await shows('Pause the run?');
  await press('Pause');
  await eventOf(run, 'paused');
  await shows('Paused');
  await shows('Unpause …');
  await press('Unpause');
  await shows('Let the run go on?');
  await press('Unpause');
  await eventOf(
    run,
    'resumed',
    ({ workers }) => workers > 0,
    eventsSoFar(run).findIndex(({ type }) => type === 'paused'),
  );
  expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0);
  pace.full();
  expectSameResult(summaryOf(await training.finished), reference);
  const kinds = eventsSoFar(run).map(({ type }) => type);
  expect(kinds.slice(kinds.indexOf('paused'), kinds.lastIndexOf('resumed'))).not.toContain('step');
  const asked = eventsSoFar(run).flatMap((event) => (event.type === 'operator-request' ? [event] : []));
  expect(asked.map(({ request, refusal }) => [request, refusal])).toEqual([
    ['pause', null],
    ['unpause', null],
  ]);
  for (const { by } of asked) expect(by).toMatch(/^operator [0-9a-f]{8}, in a browser at 127\.0\.0\.1:\d+$/);
  expect(page.faults.filter((fault) => !/ERR_CONNECTION_REFUSED|403/.test(fault))).toEqual([]);
});
