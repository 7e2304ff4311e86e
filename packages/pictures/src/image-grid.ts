import sharp from 'sharp';
import { FONT_FAMILY } from './png.ts';

/** An image with what is written under it. */
export interface Tile {
  /** uint8 RGB of shape [size, size, 3]. */
  readonly pixels: Uint8Array;
  readonly label: string;
}

export interface GridOptions {
  /** Pixels along each side of every image. */
  readonly size: number;
  readonly columns: number;
}

/** CSS pixels per pixel of an image: a whole number, so that each becomes a square of its own colour. */
export const MAGNIFICATION = 3;
export const GRID_MARGIN = 12;
const GAP = 14;
const LABEL_HEIGHT = 20;
const FONT_SIZE = 11.5;

/** Labelled images, row by row. @returns the SVG, the images inside it. */
export async function imageGrid(tiles: readonly Tile[], { size, columns }: GridOptions): Promise<string> {
  const side = MAGNIFICATION * size;
  const images = await Promise.all(tiles.map(({ pixels }) => pngDataUrl(pixels, size)));
  const cells = tiles.map(({ label }, index) => {
    const { x, y } = tileOrigin(index, { size, columns });
    return (
      // Neighbouring pixels must not be blended, for which SVG 1.1 has this name.
      `<image x="${x}" y="${y}" width="${side}" height="${side}" image-rendering="optimizeSpeed" href="${images[index]!}"/>` +
      `<text x="${x + side / 2}" y="${y + side + LABEL_HEIGHT - 5}" text-anchor="middle">${escapeXml(label)}</text>`
    );
  });
  const width = 2 * GRID_MARGIN + columns * side + (columns - 1) * GAP;
  const rows = Math.ceil(tiles.length / columns);
  const height = 2 * GRID_MARGIN + rows * (side + LABEL_HEIGHT) + (rows - 1) * GAP;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="${FONT_FAMILY}" font-size="${FONT_SIZE}" fill="#222">`,
    '<rect width="100%" height="100%" fill="#fff"/>',
    ...cells,
    '</svg>',
  ].join('\n');
}

/** The upper left corner of tile `index`'s image in the grid's SVG, CSS pixels. */
export function tileOrigin(index: number, { size, columns }: GridOptions): { readonly x: number; readonly y: number } {
  const side = MAGNIFICATION * size;
  return {
    x: GRID_MARGIN + (index % columns) * (side + GAP),
    y: GRID_MARGIN + Math.floor(index / columns) * (side + LABEL_HEIGHT + GAP),
  };
}

async function pngDataUrl(pixels: Uint8Array, size: number): Promise<string> {
  const png = await sharp(pixels, { raw: { width: size, height: size, channels: 3 } })
    .png()
    .toBuffer();
  return `data:image/png;base64,${png.toString('base64')}`;
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
