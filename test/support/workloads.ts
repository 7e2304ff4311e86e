import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/${name}.mjs`, import.meta.url));

/** 491 parameters, seven steps of four micro-batches an epoch: trained in a second. */
export const SHAPES = ['--workload', fixture('shapes')];
/** The same, at the pace of a {@link Pace}. */
export const PACED_SHAPES = ['--workload', fixture('paced-shapes')];
/** 66,567 parameters and next to no computing, at the pace of a {@link Pace}. */
export const WIDE = ['--workload', fixture('wide')];
export const WIDE_VECTOR_BYTES = 4 * 66_567;
/** As many parameters as the lesson's CNN, without its convolutions, at the pace of a {@link Pace}. */
export const HEAVY = ['--workload', fixture('heavy')];
export const HEAVY_PARAMETERS = 910_007;

/** One step of the lesson's CNN on a few synthetic images: for tests of what is printed and written. */
export const ONE_STEP = [
  '--dataset',
  'synthetic',
  '--synthetic-size',
  '64',
  '--batch-size',
  '8',
  '--micro-batch',
  '4',
  '--steps',
  '1',
];

/** How fast the paced workloads train: as fast as they can at first. */
export class Pace {
  readonly env: Readonly<Record<string, string>>;
  readonly #file: string;

  /** @param folder where it may keep a file. */
  constructor(folder: string) {
    this.#file = join(folder, 'pace');
    this.env = { CONVOY_TEST_PACE: this.#file };
  }

  /** Each sample takes so long from now on: a run of dozens of steps does not end before a test has seen it. */
  slow(msPerSample = 20): void {
    writeFileSync(this.#file, String(msPerSample));
  }

  full(): void {
    rmSync(this.#file, { force: true });
  }
}
