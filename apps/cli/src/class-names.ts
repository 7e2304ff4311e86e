import type { RunConfig } from '@convoy/protocol/run-config';
import { CIFAR10_CLASS_NAMES } from '@convoy/cifar10/dataset';
import { openConfigured } from '@convoy/cifar10/open-configured';

/**
 * The names of a run's classes, in label order. CIFAR-10's are known without its files.
 * @param dataDir `--data-dir`, for other data sets.
 */
export async function classNamesOf({ dataset }: RunConfig, dataDir?: string): Promise<readonly string[]> {
  if (dataset.name === 'cifar10') return CIFAR10_CLASS_NAMES;
  return (await openConfigured(dataset, { dataDir, environment: process.env })).classNames;
}
