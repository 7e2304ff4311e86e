import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decoded } from '@convoy/pictures/decoded.fixture';
import { tileOrigin } from '@convoy/pictures/image-grid';
import { ZOOM } from '@convoy/pictures/png';
import { openConfigured } from '@convoy/cifar10/open-configured';
import { syntheticConfig } from '@convoy/parameter-server/options';
import { convoy, summaryOf, temporaryFolder } from '../support/convoy.ts';

const folder = temporaryFolder();
afterAll(folder.remove);

const DATA = ['--dataset', 'synthetic', '--synthetic-size', '200'];
const dataset = await openConfigured(syntheticConfig({ syntheticSize: 200 }), { environment: {} });
const run = join(folder.path, 'run');

/** Pixels of one image of the data set, and its class. */
function sample(split: 'train' | 'test', index: number) {
  const pixels = new Uint8Array(32 * 32 * 3);
  return { pixels, label: dataset.read(split, index, pixels, 0) };
}

beforeAll(async () => {
  const shape = ['--steps', '6', '--batch-size', '64', '--micro-batch', '64', '--seed', '7'];
  summaryOf(await convoy(['train', '--single', ...DATA, ...shape, '--json', '--run-dir', run]));
});

describe('a run that has ended', () => {
  it('has its history as a picture, and convoy history draws and prints the same', async () => {
    const svg = readFileSync(join(run, 'history.svg'), 'utf8');
    expect(svg).toContain('>validation</text>');
    expect((await decoded(join(run, 'history.png'))).width).toBe(1920);

    const { code, stdout } = await convoy(['history', run, '--json']);
    expect(code).toBe(0);
    const history = JSON.parse(stdout) as { epochs: { epoch: number }[]; files: string[] };
    expect(history.epochs.map(({ epoch }) => epoch)).toEqual([1, 2]);
    expect(history.files).toEqual([join(run, 'history.svg'), join(run, 'history.png')]);
    expect(readFileSync(history.files[0]!, 'utf8')).toBe(svg);
  });
});

describe('convoy show', () => {
  it("paints the data set's own pixels, in the order of the split", async () => {
    const out = join(folder.path, 'grid.png');
    const args = ['--split', 'validation', '--count', '7', '--start', '2', '--out', out];
    const { code, stderr } = await convoy(['show', ...DATA, ...args]);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    const picture = await decoded(out);
    // The lesson holds the last 15 % of the training samples out.
    const { pixels } = sample('train', 170 + 2 + 6);
    const { x, y } = tileOrigin(6, { size: 32, columns: 5 });
    const magnification = 3 * ZOOM;
    for (const [row, column] of [
      [0, 0],
      [13, 21],
      [31, 31],
    ] as const) {
      const at = 3 * (32 * row + column);
      const center = (start: number, n: number) => start * ZOOM + n * magnification + magnification / 2;
      expect(picture.pixel(center(x, column), center(y, row))).toEqual([...pixels.subarray(at, at + 3)]);
    }
  });

  it('says in a line that there are not so many images, and writes nothing', async () => {
    const out = join(folder.path, 'none.png');
    const { code, stderr } = await convoy(['show', ...DATA, '--split', 'test', '--start', '30', '--out', out]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/test has 40 samples, numbered from 0 to 39: there is none 40/);
    expect(existsSync(out)).toBe(false);
  });
});
