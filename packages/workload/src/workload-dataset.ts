import { createHash } from 'node:crypto';
import type { Model } from '@convoy/cifar10/architecture';
import type { Dataset, Inputs, Split } from '@convoy/cifar10/dataset';
import { float32Bytes } from '@convoy/protocol/tensor';
import type { WorkloadDataset } from './workload.ts';

/**
 * A workload's data as the run reads it, each sample checked on its way.
 * @throws RangeError when the data is not what the model takes or is asked for.
 */
export function openWorkloadDataset(name: string, data: WorkloadDataset, model: Model): Dataset {
  const { trainCount, testCount, origin = `the data of the workload ${name}` } = data;
  for (const [field, count] of Object.entries({ trainCount, testCount })) {
    if (!Number.isSafeInteger(count) || count < 1) {
      throw new RangeError(`${field} must be a whole number above 0, not ${count}`);
    }
  }
  if (typeof data.read !== 'function') throw new RangeError('read must be a function that gives one sample');
  const isClassification = model.loss === 'sparseCategoricalCrossentropy';
  const classNames = isClassification ? namesOf(data, model) : [];
  const { shape: inputShape, size, type: inputType } = model.input;
  const Values = inputType === 'uint8' ? Uint8Array : Float32Array;

  const read = (split: Split, index: number, target: Inputs, offset: number) => {
    const count = split === 'train' ? trainCount : testCount;
    if (!Number.isInteger(index) || index < 0 || index >= count) {
      throw new RangeError(`the ${split} split has samples 0 to ${count - 1}, not ${index}`);
    }
    if (!(target instanceof Values) || offset < 0 || offset + size > target.length) {
      throw new RangeError(`no room for ${size} values of ${inputType} at ${offset} of ${target.length}`);
    }
    const truth = data.read(split, index, target.subarray(offset, offset + size));
    const fault = isClassification ? faultOfLabel(truth, classNames.length) : faultOfValues(truth, model.outputs);
    if (fault !== null) throw new RangeError(`sample ${index} of ${split} ${fault}`);
    return typeof truth === 'number' && !isClassification ? [truth] : truth;
  };
  const described = { name, trainCount, testCount, inputShape, inputType, classNames, origin, read };
  return { ...described, fingerprint: data.fingerprint ?? digestOf(described, new Values(size)) };
}

function namesOf({ classNames }: WorkloadDataset, { outputs }: Model): readonly string[] {
  if (classNames?.length === outputs) return classNames;
  throw new RangeError(
    classNames === undefined
      ? `classNames must name the ${outputs} classes that the model tells apart`
      : `there are ${classNames.length} classNames, and the model tells ${outputs} classes apart`,
  );
}

function faultOfLabel(truth: number | ArrayLike<number>, classes: number): string | null {
  if (typeof truth === 'number' && Number.isInteger(truth) && truth >= 0 && truth < classes) return null;
  return `has the label ${String(truth)}, where labels are 0 to ${classes - 1}`;
}

function faultOfValues(truth: number | ArrayLike<number>, outputs: number): string | null {
  const values = typeof truth === 'number' ? [truth] : truth;
  if (values.length !== outputs) return `has ${values.length} values, and the model has ${outputs} outputs`;
  const odd = Array.from(values).find((value) => !Number.isFinite(value));
  return odd === undefined ? null : `has a value of ${odd}`;
}

/** Of every sample: what a fingerprint that the workload does not give must tell apart. */
function digestOf(data: Omit<Dataset, 'fingerprint'>, input: Inputs): string {
  const hash = createHash('sha256').update(`${data.name}\n${data.classNames.join('\n')}\n`);
  for (const [split, count] of [
    ['train', data.trainCount],
    ['test', data.testCount],
  ] as const) {
    hash.update(`${split} ${count}\n`);
    for (let index = 0; index < count; index++) {
      const truth = data.read(split, index, input, 0);
      const values = Float32Array.from(typeof truth === 'number' ? [truth] : Array.from(truth));
      hash.update(input instanceof Uint8Array ? input : float32Bytes(input)).update(float32Bytes(values));
    }
  }
  return hash.digest('hex');
}
