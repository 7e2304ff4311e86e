import { readFile } from 'node:fs/promises';
import { exitCodes, OperatorError } from '@convoy/protocol/errors';
import { fileError } from '@convoy/protocol/file-error';
import sharp, { type Metadata } from 'sharp';

const FORMATS = ['png', 'jpeg', 'webp'];
/** A small file may say that it is a huge image. */
const MOST_PIXELS = 200_000_000;

/**
 * Reads an image file as a model takes it: turned upright as its EXIF orientation says, in sRGB, transparent parts on
 * white, cut to the largest square around its centre, resized to `size` · `size`. A file that has this size already keeps
 * its pixels.
 * @returns uint8 RGB of shape [size, size, 3].
 * @throws OperatorError in one line, with the exit code for data, when the file is no readable PNG, JPEG or WebP.
 */
export async function readImage(path: string, size: number): Promise<Uint8Array> {
  const bytes = await bytesOf(path);
  const options = { limitInputPixels: MOST_PIXELS, failOn: 'warning' } as const;
  let metadata: Metadata;
  try {
    metadata = await sharp(bytes, options).metadata();
  } catch (cause) {
    throw wrong(`${path} is no image that can be read: give a PNG, JPEG or WebP file`, cause);
  }
  if (!FORMATS.includes(metadata.format)) {
    throw wrong(`${path} is of the format ${metadata.format}: convert it to PNG or JPEG`);
  }
  if (metadata.width * metadata.height > MOST_PIXELS) {
    throw wrong(
      `${path} has ${metadata.width} × ${metadata.height} pixels: make it smaller than ${MOST_PIXELS} in all`,
    );
  }
  try {
    const pixels = await sharp(bytes, options)
      .autoOrient()
      .flatten({ background: '#fff' })
      .toColourspace('srgb')
      .resize(size, size, { fit: 'cover', fastShrinkOnLoad: false })
      .raw({ depth: 'uchar' })
      .toBuffer();
    return new Uint8Array(pixels);
  } catch (cause) {
    const [reason] = (cause as Error).message.split('\n');
    throw wrong(`${path} is cut or damaged (${reason}): get a whole copy of it`, cause);
  }
}

/** Writes a PNG. @param pixels uint8 RGB of shape [size, size, 3]. */
export async function writeImage(path: string, pixels: Uint8Array, size: number): Promise<void> {
  await sharp(pixels, { raw: { width: size, height: size, channels: 3 } })
    .png()
    .toFile(path);
}

/** A PNG's pixels, each `factor` times as wide and high. @returns uint8 RGB of shape [height, width, 3]. */
export async function pixelsOfPng(png: Uint8Array, factor = 1): Promise<Uint8Array> {
  const image = sharp(png);
  const { width, height } = await image.metadata();
  return image
    .resize(factor * width, factor * height, { kernel: 'nearest' })
    .toColourspace('srgb')
    .removeAlpha()
    .raw()
    .toBuffer();
}

async function bytesOf(path: string): Promise<Uint8Array> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    throw fileError(cause, `can't read ${path}`, { exitCode: exitCodes.data });
  }
  if (bytes.byteLength === 0) throw wrong(`${path} is empty: get a whole copy of it`);
  return bytes;
}

function wrong(line: string, cause?: unknown): OperatorError {
  return new OperatorError(line, { exitCode: exitCodes.data, cause });
}
