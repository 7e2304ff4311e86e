import { createHash } from 'node:crypto';
import type { Model } from '@convoy/model/architecture';
import type { Dataset, Inputs, Split } from '@convoy/model/dataset';
import type { WorkloadDataset } from '@convoy/model/workload';
import { expectedOf } from '@convoy/model/loss';
import { countOf } from '@convoy/protocol/event-words';
import { nearestName } from '@convoy/protocol/wrong-value';
import { faultOfInput, faultOfLabel, faultOfValues } from './sample-fault.ts';
import { inspectSamples } from './inspect-samples.ts';

const FIELDS: readonly string[] = [
  'trainCount',
  'testCount',
  'classNames',
  'fingerprint',
  'origin',
  'read',
] satisfies (keyof WorkloadDataset)[];

/** What the protocol carries and a digest looks like. */
const SHA256 = /^[0-9a-f]{64}$/;

/**
 * A workload's data as the run reads it. Every sample is checked when it is read, and its input starts as zeros: what `read` leaves
 * out must not be what another sample left there.
 * @throws RangeError when the data is not what the model takes, or `read` depends on more than split and index.
 */
export function openWorkloadDataset(name: string, data: WorkloadDataset, model: Model): Dataset {
  if (typeof data !== 'object' || data === null) {
    throw new RangeError('dataset must return an object of trainCount, testCount and read');
  }
  for (const field of Object.keys(data)) {
    const near = FIELDS.includes(field) ? undefined : nearestName(field, FIELDS);
    // A set may have fields of its own, but hardly one that is called nearly like one of ours.
    if (near !== undefined && !(near in data)) {
      throw new RangeError(`the data has no field "${field}"; did you mean "${near}"?`);
    }
  }
  const { trainCount, testCount, fingerprint, origin = `the data of the workload ${name}` } = data;
  for (const [field, count] of Object.entries({ trainCount, testCount })) {
    if (!Number.isSafeInteger(count) || count < 1) {
      throw new RangeError(`${field} must be a whole number above 0, not ${count}`);
    }
  }
  if (typeof data.read !== 'function') throw new RangeError('read must be a function that gives one sample');
  if (fingerprint !== undefined && (typeof fingerprint !== 'string' || fingerprint === '')) {
    throw new RangeError('fingerprint must be a text, or left out');
  }
  const isClassification = expectedOf(model.loss) === 'class';
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
    const input = target.subarray(offset, offset + size).fill(0);
    const truth: unknown = data.read(split, index, input);
    const fault =
      faultOfInput(input) ??
      (isClassification ? faultOfLabel(truth, classNames.length) : faultOfValues(truth, model.outputs));
    if (fault !== null) throw new RangeError(`sample ${index} of ${split} ${fault}`);
    // One class or one value may come as a list of one.
    if (isClassification) return typeof truth === 'number' ? truth : (truth as ArrayLike<number>)[0]!;
    return typeof truth === 'number' ? [truth] : (truth as ArrayLike<number>);
  };
  const described = { name, trainCount, testCount, inputShape, inputType, classNames, origin, read };
  const { digest, notes } = inspectSamples(described, fingerprint === undefined ? 'all' : 'some');
  return { ...described, notes, fingerprint: fingerprint === undefined ? digest : protocolDigest(fingerprint) };
}

function namesOf({ classNames }: WorkloadDataset, { outputs }: Model): readonly string[] {
  if (classNames?.length === outputs) return classNames;
  throw new RangeError(
    classNames === undefined
      ? `classNames must name the ${countOf(outputs, 'class')} that the model tells apart`
      : `classNames has ${countOf(classNames.length, 'name')}, and the model tells ${outputs} apart`,
  );
}

/** A workload's fingerprint may be any text, a version or a short digest; what is a sha256 already stays one. */
function protocolDigest(fingerprint: string): string {
  return SHA256.test(fingerprint) ? fingerprint : createHash('sha256').update(fingerprint).digest('hex');
}
