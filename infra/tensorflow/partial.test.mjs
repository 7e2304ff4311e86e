import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory, write } from './clone.fixture.mjs';
import { makeWhole, partialName, removeDeadPartials, removeWhole } from './partial.mjs';

test('a directory appears under its name only when it is complete', async () => {
  const target = join(temporaryDirectory(), 'library');
  await makeWhole(target, async (partial) => {
    write(join(partial, 'file'), 'content');
    expect(existsSync(target)).toBe(false);
  });
  expect(readFileSync(join(target, 'file'), 'utf8')).toBe('content');
});

test('nothing remains of one that failed', async () => {
  const cache = temporaryDirectory();
  const fail = async () => {
    throw new Error('no');
  };
  await expect(makeWhole(join(cache, 'library'), fail)).rejects.toThrow('no');
  expect(readdirSync(cache)).toEqual([]);
});

test('the one that finishes second leaves the first one in place', async () => {
  const cache = temporaryDirectory();
  const target = join(cache, 'library');
  await makeWhole(target, async (outer) => {
    write(join(outer, 'file'), 'second');
    await makeWhole(target, async (inner) => write(join(inner, 'file'), 'first'));
  });
  expect(readFileSync(join(target, 'file'), 'utf8')).toBe('first');
  expect(readdirSync(cache)).toEqual(['library']);
});

test('removes what dead processes left, and nothing else', async () => {
  const cache = temporaryDirectory();
  const dead = 'library.partial-4194305-0badcafe';
  const mine = partialName('library');
  for (const name of [dead, mine, 'library', 'library.partial-of-something']) mkdirSync(join(cache, name));
  expect(await removeDeadPartials(cache)).toEqual([dead]);
  expect(readdirSync(cache).sort()).toEqual(['library', mine, 'library.partial-of-something'].sort());
});

test('removing what is not there is no error', async () => {
  await removeWhole(join(temporaryDirectory(), 'library'));
});
