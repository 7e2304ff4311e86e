import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { loggedImages } from './logged-images.ts';

it('knows the images in a log by their evaluation and index, and how large they are', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'convoy-images-'));
  const path = join(folder, 'events.jsonl');
  const image = (purpose: string, index: number) => ({ at: 1, type: 'sample-image', purpose, index, png: 'abcd' });
  const events = [{ at: 0, type: 'run-started' }, image('validation', 3), { at: 2, type: 'step' }, image('test', 3)];
  writeFileSync(path, events.map((event) => `${JSON.stringify(event)}\n`).join(''));
  expect(await loggedImages(path)).toEqual({ keys: new Set(['validation 3', 'test 3']), bytes: 8 });
  rmSync(folder, { recursive: true });
});
