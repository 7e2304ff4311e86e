import type { DatasetConfig, RunConfig } from '@convoy/protocol/run-config';
import type { Basis } from '@convoy/training/config';
import type { Settings } from '@convoy/training/settings';
import type { Model } from './architecture.ts';
import type { Environment } from './cache-directory.ts';
import type { Dataset } from './dataset.ts';

/** Where this machine has the data, for a workload that looks for them. */
export interface DataOptions {
  /** `--data-dir`. */
  readonly dataDir?: string | undefined;
  /** Where the files lie that a workload names, by their names, when that is not where the workload says. */
  readonly files?: Readonly<Record<string, string>> | undefined;
  /** The process's environment. */
  readonly environment: Environment;
  /** Whether they may be downloaded; they may when absent. */
  readonly download?: boolean | undefined;
  readonly onProgress?: ((received: number, total: number | undefined) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Data to train on in the place of others. */
export interface StandIn {
  readonly dataset: DatasetConfig;
  /** One line that warns of it. */
  readonly note: string;
}

/**
 * A workload: what a run can train, and on what. CIFAR-10 is one, every file for `--workload` is one, and who trains them doesn't
 * ask which.
 */
export interface LoadedWorkload extends Basis {
  readonly name: string;
  /** By the names that configurations have for them; the first is the default. */
  readonly models: Readonly<Record<string, Model>>;
  /** The lowest layer over a recipe. */
  readonly settings: Settings;
  /** Whether a configuration's data set is one of its own. */
  owns(dataset: DatasetConfig): boolean;
  /** What a run with this configuration and its model are called. */
  namesOf(config: RunConfig): { readonly run: string; readonly model: string };
  /** @throws OperatorError when it does not open, or is not the model's. */
  openDataset(dataset: DatasetConfig, options: DataOptions): Promise<Dataset>;
  /** The names of a data set's classes, where they are known without opening it. */
  classNames?(dataset: DatasetConfig): readonly string[];
  /** Other data, for where its own can't be had; null where somebody has said which to take. */
  standIn?(options: DataOptions & { readonly syntheticSize?: number | undefined }): StandIn | null;
}
