import { CIFAR10_CLASS_NAMES } from '@convoy/model/dataset';
import type { LoadedWorkload } from '@convoy/model/loaded-workload';
import { datasets, syntheticConfig, type Cifar10Dataset } from './datasets.ts';
import { models } from './models.ts';
import { openConfigured } from './locate.ts';
import { recipes } from './recipes.ts';
import { SYNTHETIC_CLASS_NAMES } from './synthetic-figures.ts';

/** The workload that Convoy brings: the lesson's models and recipes, on CIFAR-10 or on a synthetic set of the same shape. */
export const cifar10: LoadedWorkload = {
  name: 'cifar10',
  models,
  recipes,
  datasets,
  settings: {},
  owns: ({ name }) => Object.hasOwn(datasets, name),
  namesOf: ({ recipe, model }) => ({ run: recipe, model }),
  openDataset: (dataset, options) => openConfigured(dataset as Cifar10Dataset, options),
  classNames: ({ name }) => (name === 'cifar10' ? CIFAR10_CLASS_NAMES : SYNTHETIC_CLASS_NAMES),
  standIn({ dataDir, environment, syntheticSize }) {
    // A folder that was named and is wrong is a mistake to mend.
    if (dataDir !== undefined || environment['CIFAR10_DIR']) return null;
    return {
      dataset: syntheticConfig({ syntheticSize }),
      note: 'TRAINING ON SYNTHETIC IMAGES: CIFAR-10 is not available, so these figures say nothing about CIFAR-10',
    };
  },
};
