import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import sharp, { type Sharp } from 'sharp';
import { readImage } from './image-file.ts';

const SIZE = 32;
let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'convoy-images-'))));
afterAll(() => rmSync(folder, { recursive: true }));

const noise = Uint8Array.from({ length: 3 * SIZE * SIZE }, (_, i) => (i * 7919) % 251);
const noiseImage = () => sharp(noise, { raw: { width: SIZE, height: SIZE, channels: 3 } });

/** Left half one colour, right half another. */
const halves = (width: number, height: number, left: string, right: string) =>
  sharp({ create: { width, height, channels: 3, background: right } }).composite([
    { input: { create: { width: width / 2, height, channels: 3, background: left } }, left: 0, top: 0 },
  ]);

async function saved(name: string, image: Sharp): Promise<string> {
  await image.toFile(join(folder, name));
  return join(folder, name);
}

function pixel(image: Uint8Array, x: number, y: number): number[] {
  return [...image.subarray(3 * (y * SIZE + x), 3 * (y * SIZE + x) + 3)];
}

describe('readImage', () => {
  it('keeps the pixels of a PNG that has the size already', async () => {
    expect(await readImage(await saved('noise.png', noiseImage().png()), SIZE)).toEqual(noise);
    expect(await readImage(await saved('noise.webp', noiseImage().webp({ lossless: true })), SIZE)).toEqual(noise);
  });

  it.each([
    [300, 200],
    [33, 47],
    [7, 5],
    [1, 1],
    [32, 900],
  ])('makes 32 × 32 of %d × %d', async (width, height) => {
    const image = sharp({ create: { width, height, channels: 3, background: '#3060c0' } });
    const read = await readImage(await saved(`plain-${width}.jpg`, image.jpeg({ quality: 100 })), SIZE);
    expect(read).toHaveLength(3 * SIZE * SIZE);
    for (const [x, y] of [
      [0, 0],
      [31, 31],
      [15, 16],
    ] as const) {
      const [red, green, blue] = pixel(read, x, y);
      // JPEG rounds.
      expect(Math.abs(red! - 0x30) + Math.abs(green! - 0x60) + Math.abs(blue! - 0xc0)).toBeLessThan(6);
    }
  });

  it('cuts what is wide to the square in the middle', async () => {
    const read = await readImage(await saved('wide.png', halves(400, 100, '#ff0000', '#0000ff').png()), SIZE);
    expect(pixel(read, 2, 16)).toEqual([255, 0, 0]);
    expect(pixel(read, 29, 16)).toEqual([0, 0, 255]);
  });

  it('turns a photograph upright as its EXIF orientation says', async () => {
    const photo = halves(64, 64, '#ff0000', '#0000ff').withMetadata({ orientation: 6 });
    const read = await readImage(await saved('turned.png', photo.png()), SIZE);
    // 6: what is stored on the left belongs on top.
    expect(pixel(read, 16, 2)).toEqual([255, 0, 0]);
    expect(pixel(read, 16, 29)).toEqual([0, 0, 255]);
  });

  it('gives grey the same value three times, and puts what is transparent on white', async () => {
    const values = noise.subarray(0, SIZE * SIZE);
    const grey = sharp(values, { raw: { width: SIZE, height: SIZE, channels: 1 } })
      .toColourspace('b-w')
      .png();
    const expected = noise.map((_, i) => values[Math.floor(i / 3)]!);
    expect(await readImage(await saved('grey.png', grey), SIZE)).toEqual(expected);
    expect((await sharp(join(folder, 'grey.png')).metadata()).channels).toBe(1);
    const clear = sharp({ create: { width: 40, height: 40, channels: 4, background: { r: 0, g: 0, b: 0, alpha: 0 } } });
    expect(new Set(await readImage(await saved('clear.png', clear.png()), SIZE))).toEqual(new Set([255]));
    const half = sharp({
      create: { width: 40, height: 40, channels: 4, background: { r: 255, g: 0, b: 0, alpha: 0.5 } },
    });
    const [red, green] = pixel(await readImage(await saved('half.png', half.png()), SIZE), 9, 9);
    expect(red).toBe(255);
    expect(Math.abs(green! - 127)).toBeLessThanOrEqual(1);
  });

  it('reads sixteen bits a channel and four inks', async () => {
    const deep = noiseImage().toColourspace('rgb16').png();
    expect(await readImage(await saved('deep.png', deep), SIZE)).toEqual(noise);
    const white = sharp({ create: { width: 64, height: 64, channels: 3, background: '#fff' } });
    const printed = await saved('printed.jpg', white.toColourspace('cmyk').jpeg());
    expect((await sharp(printed).metadata()).space).toBe('cmyk');
    for (const value of pixel(await readImage(printed, SIZE), 3, 3)) expect(value).toBeGreaterThan(240);
  });

  it('says in one line what is wrong with a file that is none', async () => {
    const photo = await noiseImage().resize(400, 400).jpeg().toBuffer();
    const files: Record<string, [Uint8Array | string | null, RegExp]> = {
      'missing.png': [null, /missing\.png: there is no such file or folder \(ENOENT\); check the name$/],
      'empty.png': ['', /empty\.png is empty: get a whole copy of it$/],
      'letter.jpg': ['Dear reader', /letter\.jpg is no image that can be read: give a PNG, JPEG or WebP file$/],
      'cut.jpg': [photo.subarray(0, photo.length / 2), /cut\.jpg is cut or damaged \(.+\): get a whole copy of it$/],
      'drawing.png': [
        '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"></svg>',
        /drawing\.png is of the format svg: convert it to PNG or JPEG$/,
      ],
    };
    for (const [name, [content, line]] of Object.entries(files)) {
      if (content !== null) writeFileSync(join(folder, name), content);
      await expect(readImage(join(folder, name), SIZE)).rejects.toMatchObject({
        name: 'OperatorError',
        exitCode: 3,
        message: expect.stringMatching(line) as string,
      });
    }
    mkdirSync(join(folder, 'album'));
    await expect(readImage(join(folder, 'album'), SIZE)).rejects.toThrow(
      /album: it is a folder, where a file must be \(EISDIR\); name a file$/,
    );
  });
});
