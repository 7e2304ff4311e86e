import { existsSync } from 'node:fs';
import { OperatorError, exitCodes } from '@convoy/protocol/errors';
import { openBinary } from './binary.ts';
import { cacheDirectory, type Environment } from '@convoy/model/cache-directory';
import type { ImageDataset } from '@convoy/model/dataset';
import { ALTERNATIVES, cachedCifar10, downloadCifar10, type DownloadOptions } from './download.ts';
import { syntheticDataset, type SyntheticOptions } from './synthetic.ts';
import type { DataOptions } from '@convoy/model/loaded-workload';
import type { Cifar10Dataset } from './datasets.ts';

export type DatasetOptions =
  ({ readonly dataset: 'cifar10' } & Cifar10Options) | ({ readonly dataset: 'synthetic' } & SyntheticOptions);

export interface Cifar10Options extends DownloadOptions {
  /** `--data-dir`: CIFAR-10 must be there. */
  readonly dataDir?: string | undefined;
  /** `CIFAR10_DIR`: CIFAR-10 must be there, if no `dataDir` is given. */
  readonly environmentDir?: string | undefined;
  /** Whether it may be fetched when it is in none of these places and not in the cache. */
  readonly download: boolean;
}

/** Opens the data set of the given name. @throws OperatorError saying what to change. */
export async function openDataset(options: DatasetOptions): Promise<ImageDataset> {
  return options.dataset === 'cifar10' ? await openCifar10(options) : syntheticDataset(options);
}

/**
 * Opens CIFAR-10 from the first of: `dataDir`, `environmentDir`, the cache, the download. A folder that was named is the
 * only one looked at: falling back from a mistyped path to other data would be worse than stopping.
 * @throws OperatorError saying where it was looked for, what was found and what to change.
 */
export async function openCifar10(options: Cifar10Options): Promise<ImageDataset> {
  if (options.dataDir !== undefined) return openNamed('--data-dir', options.dataDir, options);
  if (options.environmentDir !== undefined) return openNamed('CIFAR10_DIR', options.environmentDir, options);

  const cached = cachedCifar10(options.cacheDir);
  if (existsSync(cached)) {
    try {
      return openBinary(cached, options.layout);
    } catch (cause) {
      // The download looks again, under its lock, says what is wrong and replaces the folder.
      if (!(cause instanceof OperatorError)) throw cause;
      if (!options.download) {
        throw new OperatorError(`${cause.message}. Delete ${cached}, or allow the download, which replaces it`, {
          exitCode: cause.exitCode,
          cause,
        });
      }
    }
  }
  if (!options.download) {
    throw new OperatorError(`CIFAR-10 is not in ${cached}, and downloading it is switched off. ${ALTERNATIVES}`, {
      exitCode: exitCodes.data,
    });
  }
  return openBinary(await downloadCifar10(options), options.layout);
}

/**
 * The options that come from environment variables: `CIFAR10_DIR`, `CONVOY_CIFAR10_URL`, `CONVOY_CIFAR10_SHA256` and
 * those of the cache directory. An empty one counts as unset.
 */
export function dataOptionsFromEnvironment(
  environment: Environment,
  platform: NodeJS.Platform,
): Pick<Cifar10Options, 'environmentDir' | 'url' | 'sha256' | 'cacheDir'> {
  return {
    environmentDir: environment['CIFAR10_DIR'] || undefined,
    url: environment['CONVOY_CIFAR10_URL'] || undefined,
    sha256: environment['CONVOY_CIFAR10_SHA256'] || undefined,
    cacheDir: cacheDirectory(environment, platform),
  };
}

function openNamed(source: string, directory: string, { layout }: Cifar10Options): ImageDataset {
  try {
    return openBinary(directory, layout);
  } catch (cause) {
    if (!(cause instanceof OperatorError)) throw cause;
    throw new OperatorError(`${source}: ${cause.message}`, { exitCode: cause.exitCode, cause });
  }
}

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
