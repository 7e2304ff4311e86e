import { appendFileSync, mkdtempSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { LineReader, type Lines } from './line-reader.ts';

const folder = mkdtempSync(join(tmpdir(), 'convoy-lines-'));
const readers: LineReader[] = [];
afterEach(async () => {
  for (const reader of readers.splice(0)) await reader.close();
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const path = join(folder, 'log');
async function open(from: number): Promise<LineReader> {
  const reader = await LineReader.open(path, from);
  readers.push(reader);
  return reader;
}

async function rest(
  reader: LineReader,
): Promise<{ readonly lines: readonly string[]; readonly pieces: readonly Lines[] }> {
  const pieces: Lines[] = [];
  for (let piece = await reader.next(); piece !== null; piece = await reader.next()) pieces.push(piece);
  return { lines: pieces.flatMap(({ text }) => text.split('\n')), pieces };
}

test('lines come in pieces with the number of their last, from any line on, and only when they are whole', async () => {
  const lines = Array.from({ length: 5_000 }, (_, i) => `${i} ${'ä'.repeat(i % 60)}`);
  writeFileSync(path, `${lines.join('\n')}\nhalf a`);
  for (const from of [0, 1, 1_700, 4_999]) {
    const { lines: read, pieces } = await rest(await open(from));
    expect(read).toEqual(lines.slice(from));
    let before = from;
    for (const { last, text } of pieces) {
      expect(text.split('\n').length).toBe(last + 1 - before);
      before = last + 1;
    }
  }
  const beyond = await open(5_000);
  expect(await beyond.next()).toBeNull();
  appendFileSync(path, ' line\nnext\n');
  expect(await beyond.next()).toEqual({ last: 5_001, text: 'half a line\nnext' });
  expect(await beyond.isReplaced()).toBe(false);
  truncateSync(path, 10);
  expect(await beyond.isReplaced()).toBe(true);
});

test('a log in the place of another is noticed, and the first line is that of the log that was opened', async () => {
  writeFileSync(path, 'first\nsecond\n');
  const reader = await open(2);
  expect([await reader.firstLine(), await reader.next(), await reader.isReplaced()]).toEqual(['first', null, false]);
  renameSync(path, `${path}.old`);
  expect(await reader.isReplaced()).toBe(true);
  writeFileSync(path, 'other\nsecond\nthird\n');
  expect([await reader.firstLine(), await reader.isReplaced()]).toEqual(['first', true]);
  writeFileSync(path, 'no end');
  expect(await (await open(0)).firstLine()).toBeNull();
});

test('a line may be longer than what is read at a time', async () => {
  const long = 'x'.repeat(300_000);
  writeFileSync(path, `a\n${long}\nb\n`);
  expect((await rest(await open(0))).lines).toEqual(['a', long, 'b']);
});
