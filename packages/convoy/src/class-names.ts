import type { RunConfig } from '@convoy/protocol/run-config';
import { CIFAR10_CLASS_NAMES } from '@convoy/model/dataset';
import { openData } from '@convoy/workload/open-workload';

/**
 * The names of a run's classes, in label order; none where it trains on values. CIFAR-10's are known without its files.
 * @param workload `--workload`, for a run that has one.
 */
export async function classNamesOf(config: RunConfig, workload?: string): Promise<readonly string[]> {
  if (config.dataset.name === 'cifar10') return CIFAR10_CLASS_NAMES;
  return (await openData(config, { workload, environment: process.env })).classNames;
}
