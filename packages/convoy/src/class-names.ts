import type { RunConfig } from '@convoy/protocol/run-config';
import { workloadOf } from '@convoy/workload/open-workload';

/**
 * The names of a run's classes, in label order; none where it trains on values. Those of CIFAR-10 are known without its files.
 * @param file `--workload`, for a run that has one.
 */
export async function classNamesOf({ dataset }: RunConfig, file?: string): Promise<readonly string[]> {
  const workload = await workloadOf({ dataset }, file);
  const known = workload.classNames?.(dataset);
  return known ?? (await workload.openDataset(dataset, { environment: process.env })).classNames;
}
