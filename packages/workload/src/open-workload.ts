import { existsSync } from 'node:fs';
import { cachedCifar10 } from '@convoy/cifar10/download';
import { cifar10 } from '@convoy/cifar10/workload';
import { cacheDirectory } from '@convoy/model/cache-directory';
import type { Model } from '@convoy/model/architecture';
import type { Dataset } from '@convoy/model/dataset';
import type { DataOptions, LoadedWorkload } from '@convoy/model/loaded-workload';
import { OperatorError } from '@convoy/protocol/errors';
import type { RunConfig } from '@convoy/protocol/run-config';
import { namedIn } from '@convoy/training/config';
import { loadWorkload } from './load-workload.ts';

/** Names of the models and recipes that Convoy brings. */
export type { ModelName } from '@convoy/cifar10/models';
export type { RecipeName } from '@convoy/cifar10/recipes';

/** What a run's configuration names and does not hold. */
type Named = Pick<RunConfig, 'model' | 'dataset'>;

/** The workload that a new run starts from: the file's, or the one that Convoy brings. @throws OperatorError */
export async function openWorkload(file?: string): Promise<LoadedWorkload> {
  return file === undefined ? cifar10 : loadWorkload(file);
}

/**
 * The workload that a run's configuration is about.
 * @param file `--workload`. @throws OperatorError when the run needs one and this is not it.
 */
export async function workloadOf({ dataset }: Pick<Named, 'dataset'>, file?: string): Promise<LoadedWorkload> {
  if (cifar10.owns(dataset)) return cifar10;
  const wanted = 'workload' in dataset ? dataset.workload : dataset.name;
  if (file === undefined) {
    throw new OperatorError(`this run trains the workload "${wanted}": give its file with --workload`);
  }
  const workload = await loadWorkload(file);
  if (workload.owns(dataset)) return workload;
  throw new OperatorError(`this run trains the workload "${wanted}", and --workload gives "${workload.name}"`);
}

/** The run's model. @throws OperatorError as {@link workloadOf}, or when the workload has no such model. */
export async function modelOf(config: Named, file?: string): Promise<Model> {
  return namedIn((await workloadOf(config, file)).models, 'model', config.model);
}

/** Opens the run's data, from where this machine has it. @throws OperatorError */
export async function openData(
  config: Pick<Named, 'dataset'>,
  { workload, ...options }: DataOptions & { readonly workload?: string | undefined },
): Promise<Dataset> {
  return (await workloadOf(config, workload)).openDataset(config.dataset, options);
}

/** Whether this machine has CIFAR-10, or is told to: opening it then downloads nothing. */
export function hasCifar10({ dataDir, environment }: Pick<DataOptions, 'dataDir' | 'environment'>): boolean {
  if (dataDir !== undefined || environment['CIFAR10_DIR']) return true;
  return existsSync(cachedCifar10(cacheDirectory(environment, process.platform)));
}

/** The parameters of the largest model that may come, before a run is known. */
export async function mostParameters(file?: string): Promise<number> {
  const models = [cifar10, await openWorkload(file)].flatMap((workload) => Object.values(workload.models));
  return Math.max(...models.map(({ parameterCount }) => parameterCount));
}
