import { pngOfPixels } from './thumbnail.ts';

export interface MosaicFilters {
  readonly width: number;
  readonly height: number;
  /** Grey, or red, green and blue. */
  readonly channels: 1 | 3;
  readonly count: number;
  /** uint8 of shape [count, height, width, channels]. */
  readonly pixels: Uint8Array;
}

/** Pixels of the picture per pixel of a filter, and between two filters. */
const ZOOM = 12;
const GAP = 4;
const COLUMNS = 8;
const BACKGROUND = 255;

/** Filters side by side, row by row, as a PNG. */
export function filterMosaic({ width, height, channels, count, pixels }: MosaicFilters) {
  const columns = Math.min(COLUMNS, count);
  const [wide, high] = [width * ZOOM + GAP, height * ZOOM + GAP];
  const size = { width: columns * wide - GAP, height: Math.ceil(count / columns) * high - GAP };
  const bytes = new Uint8Array(size.width * size.height * 3).fill(BACKGROUND);
  for (let filter = 0; filter < count; filter++) {
    const [left, top] = [(filter % columns) * wide, Math.floor(filter / columns) * high];
    for (let y = 0; y < height * ZOOM; y++) {
      for (let x = 0; x < width * ZOOM; x++) {
        const from = ((filter * height + Math.floor(y / ZOOM)) * width + Math.floor(x / ZOOM)) * channels;
        const to = 3 * ((top + y) * size.width + left + x);
        for (let c = 0; c < 3; c++) bytes[to + c] = pixels[from + (channels === 3 ? c : 0)]!;
      }
    }
  }
  return { ...size, png: pngOfPixels({ ...size, channels: 3, bytes }) };
}
