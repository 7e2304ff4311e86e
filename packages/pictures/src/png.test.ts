import { describe, expect, it } from 'vitest';
import { decoded } from './decoded.fixture.ts';
import { FONT_FAMILY, pngOf } from './png.ts';

const svg = (body: string) =>
  `<svg xmlns="http://www.w3.org/2000/svg" width="80" height="30"><rect width="80" height="30" fill="#fff"/>${body}</svg>`;
const text = (words: string, family = FONT_FAMILY) =>
  svg(`<text x="4" y="20" font-size="14" font-family="${family}" fill="#000">${words}</text>`);

describe('pngOf', () => {
  it('paints two pixels for each of the SVG', async () => {
    const picture = await decoded(pngOf(svg('<rect x="10" y="5" width="20" height="10" fill="#102030"/>')));
    expect(picture).toMatchObject({ width: 160, height: 60 });
    expect(picture.count('#102030')).toBe(40 * 20);
    expect(picture.pixel(20, 10)).toEqual([0x10, 0x20, 0x30]);
  });

  it('sets text in the font it brings along, whichever is asked for', async () => {
    const picture = await decoded(pngOf(text('Cat 76 %')));
    // Strokes: dark pixels where the words are, and neither a filled box nor nothing.
    expect(picture.count('#000000')).toBeGreaterThan(60);
    expect(picture.count('#ffffff')).toBeGreaterThan(0.8 * 160 * 60);
    expect(pngOf(text('Cat 76 %', 'No Such Font'))).toEqual(pngOf(text('Cat 76 %')));
    expect(pngOf(text('Dog 76 %'))).not.toEqual(pngOf(text('Cat 76 %')));
  });

  it('takes nothing for an SVG that is none', () => {
    expect(() => pngOf('<svg><g></svg>')).toThrow();
  });
});
