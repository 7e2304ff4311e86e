import { expect, test } from 'vitest';
import { createProgress } from './progress.mjs';

function recorder(properties) {
  const text = [];
  return { text, stream: { ...properties, write: (chunk) => text.push(chunk) } };
}

const MB = 1_000_000;

/** What was sent, as somebody would read the line that changes. */
const drawn = (text) => text.replace('\x1b[?7l', '').replace('\x1b[J\x1b[?7h\r', '');

test('on a terminal an update replaces the one before and never wraps', () => {
  const { text, stream } = recorder({ isTTY: true, columns: 10 });
  const progress = createProgress(stream);
  progress.update('stripping symbols');
  progress.say('done');
  progress.say('really');
  expect(text).toEqual(['\x1b[?7lstripping\x1b[J\x1b[?7h\r', '\x1b[Jdone\n', 'really\n']);
});

test('on a terminal an amount has a bar and the time left, of which a narrow one shows what has room', () => {
  const { text, stream } = recorder({ isTTY: true, columns: 80 });
  let now = 0;
  const progress = createProgress(stream, { now: () => now });
  const shown = (megabytes, columns) => {
    stream.columns = columns;
    now += 1_000;
    progress.update('downloading', { done: megabytes * MB, total: 100 * MB });
    return drawn(text.at(-1));
  };
  expect(shown(10, 80)).toBe('downloading ━━──────────────────────  10 of 100 MB'.replace('  ', ' '));
  expect(shown(20, 80)).toBe('downloading ━━━━╸─────────────────── 20 of 100 MB (0:08 left)');
  expect(shown(30, 50)).toBe('downloading 30 of 100 MB (0:07 left)');
  expect(shown(40, 30)).toBe('downloading 40 of 100 MB');
  expect(shown(50, 12)).toBe('downloading');
});

test('on a terminal there are ten updates a second at most', () => {
  const { text, stream } = recorder({ isTTY: true, columns: 80 });
  let now = 0;
  const progress = createProgress(stream, { now: () => now });
  for (; now < 1_000; now++) progress.update('unpacking', { done: now, total: 1_000 });
  expect(text.length).toBeLessThanOrEqual(10);
});

test('without a terminal updates are thinned out to one every few seconds', () => {
  const { text, stream } = recorder({});
  let now = 0;
  const progress = createProgress(stream, { everyMs: 1_000, now: () => now });
  for (const at of [0, 500, 999, 1_000, 1_500]) {
    now = at;
    progress.update(`at ${at}`, { done: at * MB, total: 2_000 * MB });
  }
  progress.end();
  expect(text).toEqual(['at 0 0 of 2000 MB\n', 'at 1000 1000 of 2000 MB (0:01 left)\n']);
});
