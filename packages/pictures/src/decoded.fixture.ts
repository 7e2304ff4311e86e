import sharp from 'sharp';

/** A picture as whoever opens the file sees it. */
export interface Decoded {
  readonly width: number;
  readonly height: number;
  /** Red, green and blue, 0 to 255. */
  pixel(x: number, y: number): readonly [number, number, number];
  /** How many pixels of a rectangle have exactly this colour, `#rrggbb`. */
  count(color: string, area?: Area): number;
}

export interface Area {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export async function decoded(file: Uint8Array | string): Promise<Decoded> {
  const { data, info } = await sharp(file).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  const { width, height } = info;
  const pixel = (x: number, y: number): [number, number, number] => {
    const at = 3 * (y * width + x);
    return [data[at]!, data[at + 1]!, data[at + 2]!];
  };
  return {
    width,
    height,
    pixel,
    count(color, area = { x: 0, y: 0, width, height }) {
      let count = 0;
      for (let y = area.y; y < area.y + area.height; y++) {
        for (let x = area.x; x < area.x + area.width; x++) if (hex(pixel(x, y)) === color) count++;
      }
      return count;
    },
  };
}

function hex(channels: readonly number[]): string {
  return `#${channels.map((value) => value.toString(16).padStart(2, '0')).join('')}`;
}
