import * as v from 'valibot';
import { wholeNumber, count } from './numbers.ts';

const sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));
/** Without a slash: a name of a file, and of nothing outside its folder. */
const fileName = v.pipe(v.string(), v.regex(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$/));
const line = v.pipe(v.string(), v.minLength(1), v.maxLength(1024), v.regex(/^\P{C}*$/u));

/** The name of a workload's code, in caches and in a run's folder. */
export const WORKLOAD_FILE = 'workload.mjs';

/** The file of a split's records: no file of a data set has such a name. */
export function samplesFile(split: 'train' | 'test'): string {
  return `${split}.samples`;
}

/** A file that the coordinator serves: workers know it by its digest, wherever they have it from. */
const ServedFileSchema = v.object({ name: fileName, bytes: wholeNumber, sha256 });
export type ServedFile = v.InferOutput<typeof ServedFileSchema>;

/** A file of a workload, and the address that every machine reaches it at, if there is one. */
const DataFileSchema = v.object({ ...ServedFileSchema.entries, url: v.nullable(line) });
export type DataFile = v.InferOutput<typeof DataFileSchema>;

/** One split's samples as records of equal length. */
const SplitSchema = v.object({
  count,
  /** Of all its records; null where there are too many to be fetched whole. */
  sha256: v.nullable(sha256),
});

/** The samples of a data set, as the coordinator serves them: what stands in for opening it. */
const SamplesSchema = v.object({
  name: line,
  inputShape: v.pipe(v.array(count), v.minLength(1), v.maxLength(8)),
  inputType: v.picklist(['uint8', 'float32']),
  classNames: v.array(v.string()),
  /** Values of one sample; 0 where it has a class. */
  values: wholeNumber,
  fingerprint: sha256,
  recordBytes: count,
  train: SplitSchema,
  test: SplitSchema,
});
export type SamplesDescription = v.InferOutput<typeof SamplesSchema>;

/** What of a run a worker needs before it can join: versions, and where its code and its data come from. */
const RunDescriptionSchema = v.object({
  version: line,
  protocolVersion: wholeNumber,
  run: line,
  /** The code of a workload of one's own, as one file; or why there is none. Null where Convoy brings the workload. */
  workload: v.nullable(
    v.object({
      name: line,
      code: v.union([v.object({ bytes: count, sha256 }), v.object({ refusal: line })]),
    }),
  ),
  data: v.variant('kind', [
    /** Every worker makes them. */
    v.object({ kind: v.literal('drawn') }),
    /** CIFAR-10's six files. */
    v.object({ kind: v.literal('cifar10'), files: v.array(ServedFileSchema), samples: SamplesSchema }),
    /** A workload's; `files` is null where it does not name them. */
    v.object({
      kind: v.literal('workload'),
      files: v.nullable(v.array(DataFileSchema)),
      samples: SamplesSchema,
    }),
  ]),
});
export type RunDescription = v.InferOutput<typeof RunDescriptionSchema>;

/** Versions alone: what any version of Convoy, before or after this one, says of itself. */
const VersionsSchema = v.object({ version: line, protocolVersion: wholeNumber });

/** Longest answer that is read. */
export const MAX_DESCRIPTION_BYTES = 1024 * 1024;

/** @throws when it is none. */
export function parseVersions(text: string): v.InferOutput<typeof VersionsSchema> {
  return v.parse(VersionsSchema, JSON.parse(text));
}

/** @throws when it is none of this version's. */
export function parseRunDescription(text: string): RunDescription {
  return v.parse(RunDescriptionSchema, JSON.parse(text));
}
