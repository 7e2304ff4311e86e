import { countOf } from '@convoy/protocol/event-words';
import { OperatorError } from '@convoy/protocol/errors';
import type { RunConfig } from '@convoy/protocol/run-config';
import type { Dataset, Split } from '@convoy/model/dataset';
import { planRun } from '@convoy/training/sampling';

export const SPLITS = ['train', 'validation', 'test'] as const;
export type SplitName = (typeof SPLITS)[number];

/** The samples of a split as a run cuts the data set: `count` of the data set's, from `start` on in its own `split`. */
export interface SplitSamples {
  readonly name: SplitName;
  readonly split: Split;
  readonly start: number;
  readonly count: number;
}

/** @throws OperatorError when no sample is held out for validation. */
export function splitSamples(name: SplitName, config: RunConfig, dataset: Dataset): SplitSamples {
  const { trainSamples, validationSamples, testSamples } = planRun(config, dataset);
  const samples = {
    train: { split: 'train', start: 0, count: trainSamples },
    validation: { split: 'train', start: trainSamples, count: validationSamples },
    test: { split: 'test', start: 0, count: testSamples },
  } as const;
  if (samples[name].count === 0) throw new OperatorError(`no samples are held out for ${name}: choose another --split`);
  return { name, ...samples[name] };
}

/** Where sample `index` of the samples lies in the data set. @throws OperatorError when there are not so many. */
export function indexWithin({ name, start, count }: SplitSamples, index: number): number {
  if (index < count) return start + index;
  throw new OperatorError(`${name} has ${countOf(count, 'sample')}, numbered from 0: there is none ${index}`);
}
