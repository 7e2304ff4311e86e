import { makeFolders } from '@convoy/protocol/make-folders';
import { writeImage } from '@convoy/pictures/image-file';
import { join } from 'node:path';

const SIZE = 32;
const IMAGES_PER_CLASS = 40;

/** Whether a point is inside a shape of size 1 around the origin. */
const SHAPES: Readonly<Record<string, (x: number, y: number) => boolean>> = {
  circle: (x, y) => x * x + y * y < 1,
  cross: (x, y) => Math.min(Math.abs(x), Math.abs(y)) < 0.35 && Math.max(Math.abs(x), Math.abs(y)) < 1,
  square: (x, y) => Math.max(Math.abs(x), Math.abs(y)) < 0.85,
};

/** Draws small images of three shapes, in one folder per shape. @returns the paths under `folder`. */
export async function drawExampleImages(folder: string): Promise<readonly string[]> {
  const paths: string[] = [];
  for (const [name, isInside] of Object.entries(SHAPES)) {
    makeFolders(join(folder, 'images', name));
    for (let index = 0; index < IMAGES_PER_CLASS; index++) {
      const path = join('images', name, `${String(index).padStart(2, '0')}.png`);
      await writeImage(join(folder, path), drawn(isInside, index), SIZE);
      paths.push(path);
    }
  }
  return paths;
}

/** @returns uint8 RGB of shape [SIZE, SIZE, 3]: the shape somewhere, in some size and colours. */
function drawn(isInside: (x: number, y: number) => boolean, index: number): Uint8Array {
  // Steps that have no divisor in common with what they are counted in: no two images are alike.
  const part = (step: number) => ((index * step) % 101) / 100;
  const radius = 7 + 5 * part(37);
  const [centreX, centreY] = [12 + 8 * part(59), 12 + 8 * part(83)];
  const ink = [60 * part(29), 60 * part(41), 60 * part(53)];
  const paper = [255 - 80 * part(47), 255 - 80 * part(61), 255 - 80 * part(73)];
  const pixels_HWC = new Uint8Array(SIZE * SIZE * 3);
  for (let y = 0; y < SIZE; y++) {
    for (let x = 0; x < SIZE; x++) {
      const colour = isInside((x - centreX) / radius, (y - centreY) / radius) ? ink : paper;
      pixels_HWC.set(colour.map(Math.round), (y * SIZE + x) * 3);
    }
  }
  return pixels_HWC;
}
