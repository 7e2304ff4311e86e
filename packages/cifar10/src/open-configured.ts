import type { DataOptions } from '@convoy/model/loaded-workload';
import type { Cifar10Dataset } from './datasets.ts';
import type { ImageDataset } from '@convoy/model/dataset';
import { dataOptionsFromEnvironment, openDataset } from './locate.ts';

/** Opens the data set that a run's configuration names, from where this machine has it. @throws OperatorError */
export async function openConfigured(config: Cifar10Dataset, options: DataOptions): Promise<ImageDataset> {
  if (config.name === 'synthetic') return openDataset({ dataset: 'synthetic', ...config });
  const { environment, download = true, ...rest } = options;
  return openDataset({
    dataset: 'cifar10',
    download,
    ...rest,
    ...dataOptionsFromEnvironment(environment, process.platform),
  });
}
