import type { DatasetConfig } from '@convoy/protocol/run-config';
import type { DatasetKind } from '@convoy/training/settings';
import { SYNTHETIC_DEFAULTS } from './synthetic.ts';

/** The data sets that Convoy brings, as configurations name them. */
export type Cifar10Dataset = Extract<DatasetConfig, { name: 'cifar10' | 'synthetic' }>;
export type DatasetName = Cifar10Dataset['name'];

/** The synthetic set of so many training images; the test set has a fifth as many. */
export function syntheticConfig({
  syntheticSize = SYNTHETIC_DEFAULTS.trainCount,
}: {
  readonly syntheticSize?: number | undefined;
} = {}): Extract<DatasetConfig, { name: 'synthetic' }> {
  return { name: 'synthetic', seed: 1, trainCount: syntheticSize, testCount: testCountOf(syntheticSize) };
}

/** By name: what a configuration that names one has where it says no more. */
export const datasets: Readonly<Record<DatasetName, DatasetKind>> = {
  cifar10: { defaults: { name: 'cifar10' } },
  synthetic: {
    defaults: syntheticConfig(),
    implied: ({ trainCount, testCount }) =>
      trainCount === undefined || testCount !== undefined ? {} : { testCount: testCountOf(Number(trainCount)) },
  },
};

function testCountOf(trainCount: number): number {
  return Math.max(1, Math.floor(trainCount / 5));
}
