import { OperatorError } from '@convoy/protocol/errors';

/** Square images, as pictures show them and files hold them. */
export interface ImageSamples {
  /** Pixels along each side. */
  readonly size: number;
  /** Grey, or red, green and blue. */
  readonly channels: 1 | 3;
}

interface SampleInput {
  readonly shape: readonly number[];
  readonly type: 'uint8' | 'float32';
}

/** @throws OperatorError when samples are anything else than square images of bytes. */
export function imageSamples(input: SampleInput): ImageSamples {
  const images = imagesOf(input);
  if (images !== null) return images;
  const { shape, type } = input;
  throw new OperatorError(
    `this takes samples that are square images, bytes of [n, n, 1 or 3]; this workload's are ${type} values of [${shape.join(', ')}]`,
  );
}

/** What square images samples are; null when they are anything else. */
export function imagesOf({ shape, type }: SampleInput): ImageSamples | null {
  const [height, width, channels] = shape;
  const isImage = type === 'uint8' && shape.length === 3 && height === width && (channels === 1 || channels === 3);
  return isImage ? { size: height!, channels } : null;
}

/** An image's bytes as red, green and blue. */
export function toRgb(pixels: Uint8Array, { channels }: ImageSamples): Uint8Array {
  if (channels === 3) return pixels;
  return Uint8Array.from({ length: 3 * pixels.length }, (_, at) => pixels[Math.floor(at / 3)]!);
}

/** Red, green and blue as the samples have them; grey is the luma of ITU-R BT.601, as image libraries make it. */
export function fromRgb(rgb: Uint8Array, { channels }: ImageSamples): Uint8Array {
  if (channels === 3) return rgb;
  return Uint8Array.from({ length: rgb.length / 3 }, (_, n) =>
    Math.round(0.299 * rgb[3 * n]! + 0.587 * rgb[3 * n + 1]! + 0.114 * rgb[3 * n + 2]!),
  );
}
