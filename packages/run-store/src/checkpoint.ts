import { createHash } from 'node:crypto';
import * as v from 'valibot';
import { wholeNumber } from '@convoy/protocol/numbers';
import { RunConfigSchema } from '@convoy/protocol/run-config';
import type { TensorTable } from '@convoy/protocol/tensor';
import { CallbacksStateSchema } from '@convoy/training/callbacks/callbacks';
import { HealthSnapshotSchema } from '@convoy/training/health/health';
import { FiguresSnapshotSchema } from '@convoy/training/figures';

// What a checkpoint is: runs/<run>/checkpoints/step-00001234/ with flat vectors, state.json and manifest.json.

/** Raised when a reader of this version could misread what a later one writes. */
export const CHECKPOINT_FORMAT = 4;
/**
 * The third format is this one of a classification, whose epoch so far counts correct predictions; the second that of a run without
 * callbacks; the first that with the optimizer Adam and a constant learning rate.
 */
const READABLE_FORMATS = [1, 2, 3, CHECKPOINT_FORMAT];

export const CHECKPOINTS_FOLDER = 'checkpoints';
export const STATE_FILE = 'state.json';
/** Written last: a directory without it was never a checkpoint. */
export const MANIFEST_FILE = 'manifest.json';
/** The vectors' files, these and the optimizer's slots: float32 little-endian, in the layout of the manifest's tensor table. */
export const PARAMETERS_FILE = 'parameters.bin';
/** The parameters of the best epoch so far, where the run is to end with them. */
export const KEPT_PARAMETERS_FILE = 'best-parameters.bin';

/** The file of an optimizer's slot: adam-m.bin. */
export function slotFile(optimizer: string, slot: string): string {
  return `${optimizer}-${slot}.bin`;
}

const sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, 'must be 64 hexadecimal digits'));
const text = v.pipe(v.string(), v.maxLength(200));

/** state.json: all that decides how the run goes on, but for the vectors. */
export const CheckpointStateSchema = v.strictObject({
  format: v.picklist(READABLE_FORMATS),
  run: text,
  /** Where the coordinator stands: commits and skips so far, and the evaluations due there. */
  position: v.strictObject({ step: wholeNumber, due: v.array(v.picklist(['validation', 'test'])) }),
  /** Skipped steps since the last one that was applied. */
  consecutiveSkips: wholeNumber,
  /** The epoch of the next step, from 0: as many are complete. */
  epoch: wholeNumber,
  seed: wholeNumber,
  /** How an epoch's order is made, and from which generator: another version would go on with other samples. */
  permutationVersion: text,
  generatorVersion: text,
  /** Updates applied. Skipped steps are not among them. */
  optimizer: v.strictObject({ name: text, updates: wholeNumber }),
  figures: FiguresSnapshotSchema,
  /** Left out in older formats. */
  callbacks: v.optional(CallbacksStateSchema),
  config: RunConfigSchema,
  modelHash: sha256,
  dataFingerprint: text,
  /** The workers' common arithmetic in a deterministic run; null when none was required or none has joined. */
  numericsFingerprint: v.nullable(text),
  /** What is known about the training's health; null where nobody watched it. */
  health: v.optional(v.nullable(HealthSnapshotSchema), null),
});

export type CheckpointState = v.InferOutput<typeof CheckpointStateSchema>;

const FileEntrySchema = v.strictObject({ bytes: wholeNumber, sha256 });
export type FileEntry = v.InferOutput<typeof FileEntrySchema>;

const ManifestBodySchema = v.strictObject({
  format: v.picklist(READABLE_FORMATS),
  step: wholeNumber,
  /** ISO 8601, UTC. */
  writtenAt: v.pipe(v.string(), v.isoTimestamp()),
  /** These parameters' validation accuracy, if they have been evaluated. */
  validationAccuracy: v.nullable(v.pipe(v.number(), v.minValue(0), v.maxValue(1))),
  /** The same of a regression; left out elsewhere. */
  validationMeanAbsoluteError: v.exactOptional(v.nullable(v.number())),
  /** What the run's best checkpoint is chosen by, of these parameters; in older formats the validation accuracy. */
  monitored: v.optional(
    v.nullable(v.strictObject({ monitor: text, direction: v.picklist(['min', 'max']), value: v.number() })),
  ),
  tensors: v.array(v.strictObject({ name: text, shape: v.array(wholeNumber), offset: wholeNumber, size: wholeNumber })),
  /** In the order in which they were written, which the manifest's own sha256 depends on. */
  files: v.record(text, FileEntrySchema),
});
const ManifestSchema = v.strictObject({ body: ManifestBodySchema, sha256 });

/** manifest.json's body. The file holds it beside the sha256 of its JSON, so that the manifest vouches for itself too. */
export type CheckpointManifest = v.InferOutput<typeof ManifestBodySchema>;

/** What makes a file or directory no valid checkpoint, in words for the operator. */
export class CheckpointFault extends Error {
  override readonly name = 'CheckpointFault';
}

/** @throws Error when the state is not what {@link parseState} accepts: better found while writing than when it is needed. */
export function encodeState(state: CheckpointState): Uint8Array {
  const bytes = encodeJson(state);
  parseState(bytes);
  return bytes;
}

/** @throws CheckpointFault naming the first field that is wrong, or the fields that contradict each other. */
export function parseState(bytes: Uint8Array): CheckpointState {
  const state = parseJson(bytes, STATE_FILE);
  assertFormat(state, STATE_FILE);
  const checked = check(CheckpointStateSchema, state, STATE_FILE);
  const { position, figures, optimizer } = checked;
  if (figures.steps !== position.step || optimizer.updates + figures.skippedSteps !== position.step) {
    throw new CheckpointFault(
      `${STATE_FILE} contradicts itself: ${position.step} steps, of which ${optimizer.updates} applied and ${figures.skippedSteps} skipped`,
    );
  }
  return checked;
}

/** @throws Error when the manifest is not what {@link parseManifest} accepts. */
export function encodeManifest(manifest: CheckpointManifest): Uint8Array {
  // In the schema's order of keys, as the reader has it.
  const body = v.parse(ManifestBodySchema, manifest);
  const bytes = encodeJson({ body, sha256: digest(JSON.stringify(body)) });
  parseManifest(bytes);
  return bytes;
}

/** @throws CheckpointFault naming the first field that is wrong. */
export function parseManifest(bytes: Uint8Array): CheckpointManifest {
  const manifest = parseJson(bytes, MANIFEST_FILE);
  if (typeof manifest === 'object' && manifest !== null && 'body' in manifest) {
    assertFormat(manifest.body, MANIFEST_FILE);
  }
  const { body, sha256 } = check(ManifestSchema, manifest, MANIFEST_FILE);
  if (digest(JSON.stringify(body)) !== sha256) {
    throw new CheckpointFault(`${MANIFEST_FILE} was changed: its content does not have the sha256 it states`);
  }
  const elements = elementsOf(body.tensors);
  for (const [name, { bytes }] of Object.entries(body.files)) {
    if (name !== STATE_FILE && bytes !== 4 * elements) {
      throw new CheckpointFault(`${MANIFEST_FILE}: ${name} has other than 4 bytes for each of ${elements} elements`);
    }
  }
  return body;
}

/**
 * The directory of a step's checkpoint. A step that is written again (its evaluation has been done since, or the first
 * copy is damaged) gets a higher revision instead of replacing what is there, which no file system does in one operation.
 */
export function checkpointName(step: number, revision: number): string {
  return `step-${String(step).padStart(8, '0')}${revision === 0 ? '' : `-${revision}`}`;
}

export interface CheckpointName {
  readonly name: string;
  readonly step: number;
  readonly revision: number;
}

/** The checkpoints among a directory's entries, oldest first; everything else there is passed over. */
export function checkpointNames(entries: readonly string[]): CheckpointName[] {
  return entries
    .flatMap((name) => {
      const match = /^step-(\d{8,15})(?:-([1-9]\d{0,5}))?$/.exec(name);
      return match === null ? [] : [{ name, step: Number(match[1]), revision: Number(match[2] ?? 0) }];
    })
    .sort((a, b) => a.step - b.step || a.revision - b.revision);
}

/** Elements of the flat vector that a table lays out. @throws CheckpointFault when it has gaps or sizes that do not fit. */
export function elementsOf(tensors: TensorTable): number {
  let elements = 0;
  for (const { name, shape, offset, size } of tensors) {
    if (offset !== elements || size !== shape.reduce((product, length) => product * length, 1)) {
      throw new CheckpointFault(`tensor table: ${name} is not where the tensor before it ends, or not of its shape`);
    }
    elements += size;
  }
  return elements;
}

function encodeJson(value: unknown): Uint8Array {
  const nameNonFinite = (_: string, x: unknown) => (typeof x === 'number' && !Number.isFinite(x) ? String(x) : x);
  return Buffer.from(`${JSON.stringify(value, nameNonFinite, 2)}\n`);
}

function parseJson(bytes: Uint8Array, name: string): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString());
  } catch (cause) {
    throw new CheckpointFault(`${name} is not JSON: it was changed or cut`, { cause });
  }
}

function assertFormat(value: unknown, name: string): void {
  const format = typeof value === 'object' && value !== null && 'format' in value ? value.format : undefined;
  if (typeof format === 'number' && !READABLE_FORMATS.includes(format)) {
    throw new CheckpointFault(
      `${name} is of format ${format} and this version of Convoy reads ${READABLE_FORMATS.join(', ')}: use the version that wrote it`,
    );
  }
}

function check<Schema extends v.GenericSchema>(schema: Schema, value: unknown, name: string): v.InferOutput<Schema> {
  const checked = v.safeParse(schema, value, { abortEarly: true });
  if (checked.success) return checked.output;
  const [issue] = checked.issues;
  throw new CheckpointFault(`${name}: ${v.getDotPath(issue) ?? 'content'}: ${issue.message}`, {
    cause: checked.issues,
  });
}

export function digest(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}
