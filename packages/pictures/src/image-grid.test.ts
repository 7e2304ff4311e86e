import { describe, expect, it } from 'vitest';
import { decoded } from './decoded.fixture.ts';
import { GRID_MARGIN, imageGrid, MAGNIFICATION, tileOrigin, type Tile } from './image-grid.ts';
import { pngOf, ZOOM } from './png.ts';

const SIZE = 32;
const grid = { size: SIZE, columns: 3 };

/** An image in which no two neighbouring pixels are alike. */
function tile(seed: number, label: string): Tile {
  return { pixels: Uint8Array.from({ length: 3 * SIZE * SIZE }, (_, i) => ((i + seed) * 7919) % 251), label };
}

const tiles = [tile(1, 'cat'), tile(2, 'automobile'), tile(3, 'ship'), tile(4, 'frog')];

describe('imageGrid', () => {
  it("shows every pixel of every image in its own colour, as a square of the picture's", async () => {
    const picture = await decoded(pngOf(await imageGrid(tiles, grid)));
    const square = MAGNIFICATION * ZOOM;
    let wrong = 0;
    for (const [index, { pixels }] of tiles.entries()) {
      const origin = tileOrigin(index, grid);
      for (let y = 0; y < SIZE * square; y++) {
        for (let x = 0; x < SIZE * square; x++) {
          const at = 3 * (Math.floor(y / square) * SIZE + Math.floor(x / square));
          const [red, green, blue] = picture.pixel(ZOOM * origin.x + x, ZOOM * origin.y + y);
          if (red !== pixels[at] || green !== pixels[at + 1] || blue !== pixels[at + 2]) wrong++;
        }
      }
    }
    expect(wrong).toBe(0);
  });

  it('writes each label under its image, and nothing where there is no tile', async () => {
    const picture = await decoded(pngOf(await imageGrid(tiles, grid)));
    const side = MAGNIFICATION * SIZE;
    const below = (index: number) => {
      const { x, y } = tileOrigin(index, grid);
      return { x: ZOOM * x, y: ZOOM * (y + side), width: ZOOM * side, height: ZOOM * 20 };
    };
    for (const index of tiles.keys()) expect(picture.count('#222222', below(index))).toBeGreaterThan(30);
    const empty = below(tiles.length);
    expect(picture.count('#ffffff', empty)).toBe(empty.width * empty.height);
  });

  it('is as large as its rows and columns', async () => {
    const [one, four] = await Promise.all([
      imageGrid(tiles.slice(0, 1), { size: SIZE, columns: 1 }),
      imageGrid(tiles, grid),
    ]);
    const [small, large] = await Promise.all([one, four].map((svg) => decoded(pngOf(svg))));
    expect(small!.width).toBe(ZOOM * (2 * GRID_MARGIN + MAGNIFICATION * SIZE));
    expect(large!.width).toBeGreaterThan(3 * ZOOM * MAGNIFICATION * SIZE);
    expect(large!.height).toBeGreaterThan(2 * small!.height - 4 * ZOOM * GRID_MARGIN);
  });

  it('takes labels that mean something in XML as they are', async () => {
    const svg = await imageGrid([tile(1, 'a<b & "c">')], { size: SIZE, columns: 1 });
    expect(svg).toContain('>a&lt;b &amp; "c"&gt;</text>');
    expect((await decoded(pngOf(svg))).count('#222222')).toBeGreaterThan(30);
  });
});
