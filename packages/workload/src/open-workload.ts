import type { Model } from '@convoy/model/architecture';
import type { Dataset } from '@convoy/model/dataset';
import { MAX_PARAMETER_COUNT, models } from '@convoy/cifar10/models';
import { openConfigured, type OpenOptions } from '@convoy/cifar10/open-configured';
import { OperatorError } from '@convoy/protocol/errors';
import type { RunConfig } from '@convoy/protocol/run-config';
import { loadWorkload, type LoadedWorkload } from './load-workload.ts';

/** Of the largest model that may come, before a run is known: one that Convoy brings, or the workload's. */
export async function mostParameters(file: string | undefined): Promise<number> {
  const own = file === undefined ? 0 : (await loadWorkload(file)).model.parameterCount;
  return Math.max(MAX_PARAMETER_COUNT, own);
}

/** What a run's configuration names and does not hold. */
type Named = Pick<RunConfig, 'model' | 'dataset'>;

/**
 * The run's model: one that Convoy brings, or the workload's.
 * @param file `--workload`. @throws OperatorError when the run needs one and this is not it.
 */
export async function modelOf({ model, dataset }: Named, file: string | undefined): Promise<Model> {
  return model === 'workload' ? (await workloadOf(dataset, file)).model : models[model];
}

/** Opens the run's data, from where this machine has it. @throws OperatorError */
export async function openData(
  { dataset }: Named,
  { workload, ...options }: OpenOptions & { readonly workload?: string | undefined },
): Promise<Dataset> {
  if (dataset.name !== 'workload') return openConfigured(dataset, options);
  return (await workloadOf(dataset, workload)).openDataset();
}

async function workloadOf(dataset: RunConfig['dataset'], file: string | undefined): Promise<LoadedWorkload> {
  const wanted = dataset.name === 'workload' ? dataset.workload : '';
  if (file === undefined) {
    throw new OperatorError(`this run trains the workload "${wanted}": give its file with --workload`);
  }
  const workload = await loadWorkload(file);
  if (workload.name === wanted) return workload;
  throw new OperatorError(`this run trains the workload "${wanted}", and --workload gives "${workload.name}"`);
}
