import { crc32, deflateSync } from 'node:zlib';

/** The longest side of a thumbnail, in pixels. */
export const THUMBNAIL_SIZE = 64;

export interface Pixels {
  readonly width: number;
  readonly height: number;
  /** Grey, or red, green and blue. */
  readonly channels: 1 | 3;
  /** uint8 of shape [height, width, channels]. */
  readonly bytes: Uint8Array;
}

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
const COLOR_TYPE = { 1: 0, 3: 2 } as const;

/** An image made smaller where a side is longer than {@link THUMBNAIL_SIZE}: each pixel is the mean of those in its place. */
export function thumbnail(image: Pixels): {
  readonly width: number;
  readonly height: number;
  readonly png: Uint8Array;
} {
  const small = shrunk(image);
  return { width: small.width, height: small.height, png: pngOfPixels(small) };
}

/**
 * A PNG (https://www.w3.org/TR/png-3/) of an image. At once and without a library's start: a coordinator makes some between two
 * steps.
 */
export function pngOfPixels({ width, height, channels, bytes }: Pixels): Uint8Array {
  const row = width * channels;
  // Each row begins with its filter: none.
  const rows = new Uint8Array(height * (row + 1));
  for (let y = 0; y < height; y++) rows.set(bytes.subarray(y * row, (y + 1) * row), y * (row + 1) + 1);
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, COLOR_TYPE[channels], 0, 0, 0], 8);
  const chunks = [chunk('IHDR', header), chunk('IDAT', deflateSync(rows)), chunk('IEND', new Uint8Array(0))];
  return Buffer.concat([SIGNATURE, ...chunks]);
}

function shrunk(image: Pixels): Pixels {
  const { width, height, channels, bytes } = image;
  const factor = Math.ceil(Math.max(width, height) / THUMBNAIL_SIZE);
  if (factor <= 1) return image;
  const [wide, high] = [Math.ceil(width / factor), Math.ceil(height / factor)];
  const small = new Uint8Array(wide * high * channels);
  for (let y = 0; y < high; y++) {
    for (let x = 0; x < wide; x++) {
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        let count = 0;
        for (let row = y * factor; row < Math.min(height, (y + 1) * factor); row++) {
          for (let column = x * factor; column < Math.min(width, (x + 1) * factor); column++) {
            sum += bytes[(row * width + column) * channels + c]!;
            count++;
          }
        }
        small[(y * wide + x) * channels + c] = Math.round(sum / count);
      }
    }
  }
  return { width: wide, height: high, channels, bytes: small };
}

/** Length, name, content, and the checksum of the last two. */
function chunk(name: string, content: Uint8Array): Uint8Array {
  const bytes = Buffer.alloc(content.byteLength + 12);
  bytes.writeUInt32BE(content.byteLength, 0);
  bytes.write(name, 4, 'latin1');
  bytes.set(content, 8);
  bytes.writeUInt32BE(crc32(bytes.subarray(4, 8 + content.byteLength)), 8 + content.byteLength);
  return bytes;
}
