import type { BuiltInDataset } from '@convoy/protocol/run-config';
import type { Environment } from '@convoy/model/cache-directory';
import type { ImageDataset } from '@convoy/model/dataset';
import type { DownloadOptions } from './download.ts';
import { dataOptionsFromEnvironment, openDataset } from './locate.ts';

export interface OpenOptions extends Pick<DownloadOptions, 'onProgress' | 'signal'> {
  /** `--data-dir`. */
  readonly dataDir?: string | undefined;
  /** The process's environment, see {@link dataOptionsFromEnvironment}. */
  readonly environment: Environment;
  readonly download?: boolean;
}

/** Opens the data set that a run's configuration names, from where this machine has it. @throws OperatorError */
export async function openConfigured(config: BuiltInDataset, options: OpenOptions): Promise<ImageDataset> {
  if (config.name === 'synthetic') return openDataset({ dataset: 'synthetic', ...config });
  const { environment, download = true, ...rest } = options;
  return openDataset({
    dataset: 'cifar10',
    download,
    ...rest,
    ...dataOptionsFromEnvironment(environment, process.platform),
  });
}
