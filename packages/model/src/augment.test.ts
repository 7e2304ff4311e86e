import { describe, expect, it } from 'vitest';
import { AUGMENTATION_VERSION, type Augmentation } from '@convoy/protocol/run-config';
import { Augmenter } from './augment.ts';
import { mixBytes, type ImageShape } from './transform.ts';

const NONE: Augmentation = { version: AUGMENTATION_VERSION, crop: 0, flip: false, cutout: 0, mixup: 0 };
const SHAPE: ImageShape = [8, 8, 1];
const BYTES = 64;

/** Images whose every pixel is another byte, the same in each. */
const images = (samples: number) => Uint8Array.from({ length: samples * BYTES }, (_, at) => 2 * (at % BYTES));
const draw = (start: number, end: number, { seed = 1, epoch = 0 } = {}) => ({ seed, epoch, positions: { start, end } });

function augmented(what: Partial<Augmentation>, start: number, end: number, of = images(end - start), at = {}) {
  const { images: bytes, mixing } = new Augmenter({ ...NONE, ...what }, SHAPE).augment(of, draw(start, end, at));
  return { images: bytes.slice(), mixing };
}

describe('an augmenter', () => {
  it('leaves images as they are when nothing is switched on, and those it is given in any case', () => {
    const given = images(5);
    expect(augmented({}, 0, 5, given)).toEqual({ images: images(5), mixing: null });
    augmented({ crop: 2, flip: true, cutout: 4, mixup: 1 }, 0, 5, given);
    expect(given).toEqual(images(5));
  });

  it('does to a sample what its place in the run says, whatever micro-batch is computed before it', () => {
    const what = { crop: 2, flip: true, cutout: 4 };
    const whole = augmented(what, 10, 20).images;
    expect(augmented(what, 13, 15).images).toEqual(whole.subarray(3 * BYTES, 5 * BYTES));
    for (const other of [{ seed: 2 }, { epoch: 1 }]) {
      expect(augmented(what, 10, 20, images(10), other).images).not.toEqual(whole);
    }
    const reused = new Augmenter({ ...NONE, crop: 2, mixup: 1 }, SHAPE);
    const first = reused.augment(images(8), draw(0, 8)).images.slice();
    reused.augment(images(16), draw(8, 24));
    expect(reused.augment(images(8), draw(0, 8)).images).toEqual(first);
  });

  it('does the same whatever else is switched on', () => {
    const cut = augmented({ cutout: 4 }, 0, 50).images;
    const both = augmented({ cutout: 4, crop: 2, flip: true }, 0, 50).images;
    const grey = (bytes: Uint8Array) => bytes.map((byte) => (byte === 128 ? 1 : 0));
    // Byte 128 is no pixel of theirs.
    expect(images(1).filter((byte) => byte === 128)).toHaveLength(0);
    expect(grey(both)).toEqual(grey(cut));
    const mixed = augmented({ cutout: 4, crop: 2, flip: true, mixup: 0.4 }, 0, 50);
    const expected = new Uint8Array(50 * BYTES);
    for (const [n, partner] of mixed.mixing!.partners.entries()) {
      const [own, other] = [n, partner].map((place) => ({ bytes: both, at: place * BYTES }));
      mixBytes(own!, other!, { bytes: expected, at: n * BYTES }, BYTES, mixed.mixing!.weights[n]!);
    }
    expect(mixed.images).toEqual(expected);
  });

  it('flips half of the samples', () => {
    const { images: bytes } = augmented({ flip: true }, 0, 10_000);
    const flipped = Array.from({ length: 10_000 }, (_, n) => bytes[n * BYTES]).filter((byte) => byte !== 0).length;
    // Five standard errors.
    expect(Math.abs(flipped - 5_000)).toBeLessThan(5 * 50);
  });

  it('crops at each of the places, and mixes with each of the partners, equally often', () => {
    const samples = 20_000;
    const crops = new Map<string, number>();
    const { images: bytes } = augmented({ crop: 1 }, 0, samples);
    // A pixel of the middle tells the place.
    for (let n = 0; n < samples; n++) count(crops, String(bytes[n * BYTES + 27]));
    expect(crops.size).toBe(9);
    expect(chiSquared(crops, samples)).toBeLessThan(26.1);

    const partners = new Map<string, number>();
    for (let start = 0; start < samples; start += 10) {
      for (const partner of augmented({ mixup: 1 }, start, start + 10).mixing!.partners)
        count(partners, String(partner));
    }
    expect(partners.size).toBe(10);
    expect(chiSquared(partners, samples)).toBeLessThan(27.9);
  });
});

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

/** With 8 degrees of freedom above 26.1, with 9 above 27.9 one time in a thousand; the seed is fixed. */
function chiSquared(counts: ReadonlyMap<string, number>, total: number): number {
  const expected = total / counts.size;
  return [...counts.values()].reduce((sum, seen) => sum + (seen - expected) ** 2 / expected, 0);
}
