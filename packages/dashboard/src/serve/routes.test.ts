import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, afterEach, expect, test } from 'vitest';
import { openPage, type OpenPage } from './open-page.ts';
import type { ListedRun } from '../replay/listed-run.ts';
import { oneRun, runsIn, type RunSource } from './run-list.ts';

const folder = mkdtempSync(join(tmpdir(), 'convoy-dashboard-'));
const recorded = readFileSync(new URL('../replay/recorded-run.jsonl', import.meta.url), 'utf8');
const lines = recorded.trim().split('\n');
const open: OpenPage[] = [];
/** On however busy a machine. */
const SOON = { timeout: 60_000 };
afterEach(async () => {
  for (const page of open.splice(0)) await page.close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function makeRun(name: string, log = recorded): string {
  const path = join(folder, name);
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, 'events.jsonl'), log);
  writeFileSync(join(path, 'config.json'), '{"seed":7}\n');
  return path;
}

async function serve(runs: RunSource) {
  const page = await openPage(runs);
  open.push(page);
  const ask = (path: string, headers: Record<string, string> = {}) => fetch(`${page.url}${path}`, { headers });
  return { page, ask };
}

test('runs on disk have no coordinator, and a page that asks for one is told so without an error', async () => {
  const { ask } = await serve(oneRun(makeRun('alone')));
  const answers = await Promise.all(
    ['v1/status', 'v1/steering'].map(async (path) => {
      const answer = await ask(path);
      return [answer.status, await answer.json()];
    }),
  );
  expect(answers).toEqual([
    [200, null],
    [200, { maySteer: false }],
  ]);
});

/** A stream of events, message by message. */
class Stream {
  readonly messages: { readonly id: number; readonly type: string | null; readonly lines: readonly string[] }[] = [];
  readonly ended: Promise<void>;
  readonly #body: ReadableStreamDefaultReader<string>;
  #text = '';

  constructor(response: Response) {
    this.#body = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    this.ended = this.#read();
  }

  get lines(): readonly string[] {
    return this.messages.flatMap((message) => message.lines);
  }

  async cancel(): Promise<void> {
    await this.#body.cancel();
  }

  async #read(): Promise<void> {
    for (;;) {
      const { done, value } = await this.#body.read();
      if (done) return;
      this.#text += value;
      const parts = this.#text.split('\n\n');
      this.#text = parts.pop()!;
      for (const part of parts) {
        const id = /^id: (\d+)$/m.exec(part)?.[1];
        if (id === undefined) continue;
        const type = /^event: (.*)$/m.exec(part)?.[1] ?? null;
        this.messages.push({
          id: Number(id),
          type,
          lines: [...part.matchAll(/^data: (.*)$/gm)].map(([, data]) => data!),
        });
      }
    }
  }
}

test('a log is sent from any line, goes on as it grows, and ends with its last line when the door closes', async () => {
  const run = makeRun('growing', `${lines.slice(0, 40).join('\n')}\n`);
  const { page, ask } = await serve(oneRun(run));
  const whole = new Stream(await ask('v1/events?from=0'));
  await expect.poll(() => whole.lines.length, SOON).toBe(40);
  const later = new Stream(await ask('v1/events?from=30'));
  const again = new Stream(await ask('v1/events?from=0', { 'last-event-id': '34' }));
  appendFileSync(join(run, 'events.jsonl'), `${lines.slice(40).join('\n')}\n`);
  await expect.poll(() => whole.lines.length, SOON).toBe(lines.length);
  appendFileSync(join(run, 'events.jsonl'), '{"at":1}\n');
  await page.close();
  await Promise.all([whole.ended, later.ended, again.ended]);
  const all = [...lines, '{"at":1}'];
  expect(whole.lines).toEqual(all);
  expect(later.lines).toEqual(all.slice(30));
  expect(again.lines).toEqual(all.slice(35));
  let before = 0;
  for (const message of whole.messages) {
    expect(message.lines.length).toBe(message.id + 1 - before);
    before = message.id + 1;
  }
});

test('several runs are sent over one connection, each from its line, and go on as they grow', async () => {
  const runs = join(folder, 'several');
  const [first, second] = ['first', 'second'].map((name) => makeRun(`several/${name}`)) as [string, string];
  const { ask } = await serve(runsIn(runs));
  const stream = new Stream(await ask('v1/events?run=first&from=0&run=second&from=80'));
  const linesOf = (type: string) =>
    stream.messages.filter((message) => message.type === type).flatMap((message) => message.lines);
  await expect.poll(() => [linesOf('0').length, linesOf('1').length], SOON).toEqual([lines.length, lines.length - 80]);
  appendFileSync(join(second, 'events.jsonl'), '{"at":1}\n');
  appendFileSync(join(first, 'events.jsonl'), '{"at":2}\n');
  await expect.poll(() => [linesOf('0').at(-1), linesOf('1').at(-1)], SOON).toEqual(['{"at":2}', '{"at":1}']);
  await stream.cancel();
  expect((await ask(`v1/events?${'run=first&'.repeat(13)}`)).status).toBe(400);
  expect((await ask('v1/events?run=first&run=none')).status).toBe(404);
});

test('who has the lines of another run that was here before is told so, and a stream ends when its log is replaced', async () => {
  const run = makeRun('replaced');
  const { ask } = await serve(oneRun(run));
  const { at } = JSON.parse(lines[0]!) as { readonly at: number };
  const stream = new Stream(await ask(`v1/events?from=3&first=${at}`));
  await expect.poll(() => stream.lines.length, SOON).toBe(lines.length - 3);
  rmSync(run, { recursive: true });
  makeRun('replaced', `${JSON.stringify({ ...JSON.parse(lines[0]!), at: at + 1 })}\n`);
  await stream.ended;
  const again = await ask(`v1/events?from=3&first=${at}`);
  expect([again.status, await again.text()]).toEqual([409, expect.stringContaining('another run')]);
});

test('32 viewers are told of events at a time, and the next is asked to come back', async () => {
  const { ask } = await serve(oneRun(makeRun('crowded')));
  const viewers = await Promise.all(Array.from({ length: 32 }, () => ask('v1/events')));
  const more = await ask('v1/events');
  expect([more.status, more.headers.get('retry-after')]).toEqual([503, '5']);
  await viewers[0]!.body!.cancel();
  await expect
    .poll(async () => {
      const { status, body } = await ask('v1/events');
      await body!.cancel();
      return status;
    }, SOON)
    .toBe(200);
  await Promise.all(viewers.map(({ body }) => body!.cancel().catch(() => {})));
});

test('a viewer that takes nothing holds a few pieces of a log in memory, not all of it', async () => {
  const long = `${lines[1]!.padEnd(1_000)}\n`.repeat(100_000);
  const { page } = await serve(oneRun(makeRun('long', long)));
  const response = await new Promise<import('node:http').IncomingMessage>((resolve) =>
    get(`${page.url}v1/events`, { headers: { accept: 'text/event-stream' } }, resolve),
  );
  response.pause();
  const before = process.memoryUsage().rss;
  // The server's side of it is done with what there was room for.
  await new Promise((resolve) => get(`${page.url}v1/runs`, (answer) => answer.resume().on('end', resolve)));
  expect(process.memoryUsage().rss - before).toBeLessThan(60e6);
  response.destroy();
});

test('the page is small, compressed, kept by its name, and may ask nobody but its own door', async () => {
  const { ask, page } = await serve(oneRun(makeRun('page')));
  const html = await ask('');
  expect(html.headers.get('content-security-policy')).toMatch(
    /^default-src 'none'; script-src 'self'; style-src 'self'/,
  );
  expect(html.headers.get('cache-control')).toBe('no-cache');
  const files = [...(await html.text()).matchAll(/(?:href|src)="(assets\/[^"]+)"/g)].map(([, file]) => file!);
  expect(files.map((file) => file.replace(/-\w+\./, '.')).sort()).toEqual(['assets/page.css', 'assets/page.js']);
  let bytes = 0;
  for (const file of files) {
    const { headers, body } = await rawAnswer(`${page.url}${file}`);
    expect(headers).toMatchObject({
      'content-encoding': 'gzip',
      'cache-control': 'public, max-age=31536000, immutable',
    });
    expect(gunzipSync(body).toString()).not.toMatch(/https?:\/\/(?!www\.w3\.org)[\w.]+\/[^"'` ]*\.(js|css|woff2?|png)/);
    bytes += body.length;
  }
  expect(bytes).toBeLessThan(150_000);
  expect(await (await ask('assets/LICENSES.txt')).text()).toMatch(/preact[^]+uplot/);
  expect((await ask('assets/none.js')).status).toBe(404);
});

/** The answer as it is sent: fetch would unpack it. */
function rawAnswer(url: string): Promise<{ readonly headers: object; readonly body: Buffer }> {
  return new Promise((resolve, reject) => {
    get(url, { headers: { 'accept-encoding': 'gzip' } }, (answer) => {
      const pieces: Buffer[] = [];
      answer.on('data', (piece: Buffer) => pieces.push(piece));
      answer.on('end', () => resolve({ headers: answer.headers, body: Buffer.concat(pieces) }));
    }).on('error', reject);
  });
}

test('the runs of a folder are listed by what they did last, and nothing outside of it can be had', async () => {
  const runs = join(folder, 'runs');
  mkdirSync(join(runs, 'no-run'), { recursive: true });
  makeRun('runs/short', `${lines.slice(0, 30).join('\n')}\n`);
  // Longer than what is read of its ends.
  makeRun('runs/whole', `${lines[0]}\n${`${lines[1]}\n`.repeat(3_000)}${lines.slice(1).join('\n')}\n`);
  const { ask } = await serve(runsIn(runs));
  const listed = (await (await ask('v1/runs')).json()) as ListedRun[];
  expect(new Map(listed.map((run) => [run.name, run]))).toEqual(
    new Map([
      ['short', expect.objectContaining({ state: 'left', totalSteps: 42, testMetric: null })],
      ['whole', expect.objectContaining({ state: 'ended', step: 42, testMetric: 0.9, validationMetric: 1 })],
    ]),
  );
  expect(await (await ask('v1/config?run=short')).json()).toEqual({ seed: 7 });
  for (const name of ['', '..', '.', 'no-run', 'short/../whole', '%2e%2e%2fcrowded', '%00']) {
    expect([name, (await ask(`v1/config?run=${name}`)).status]).toEqual([name, 404]);
  }
  expect((await ask('v1/events?run=short&from=-1')).status).toBe(400);
});

test('a page of another origin, or by a name that only seems to be of this machine, gets nothing', async () => {
  const { ask } = await serve(oneRun(makeRun('private')));
  expect((await ask('v1/runs', { origin: 'http://127.0.0.1:1' })).status).toBe(403);
});
