import { expect, test } from 'vitest';
import { createProgress, megabytes } from './progress.mjs';

function recorder(properties) {
  const text = [];
  return { text, stream: { ...properties, write: (chunk) => text.push(chunk) } };
}

test('on a terminal an update replaces the one before and never wraps', () => {
  const { text, stream } = recorder({ isTTY: true, columns: 10 });
  const progress = createProgress(stream);
  progress.update('downloading 1 of 2 MB');
  progress.update('downloading 1 of 2 MB');
  progress.say('done');
  progress.say('really');
  expect(text).toEqual(['\r\x1b[2Kdownloadi', '\r\x1b[2Kdone\n', 'really\n']);
});

test('without a terminal updates are thinned out to one every few seconds', () => {
  const { text, stream } = recorder({});
  let now = 0;
  const progress = createProgress(stream, { everyMs: 1_000, now: () => now });
  for (const at of [0, 500, 999, 1_000, 1_500]) {
    now = at;
    progress.update(`at ${at}`);
  }
  progress.end();
  expect(text).toEqual(['at 0\n', 'at 1000\n']);
});

test('sizes are told in megabytes, with the total when it is known', () => {
  expect(megabytes(119_600_000, 273_829_956)).toBe('120 of 274 MB');
  expect(megabytes(119_600_000)).toBe('120 MB');
});
