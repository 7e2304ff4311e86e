import { dirname, join } from 'node:path';
import { OperatorError } from '@convoy/protocol/errors';
import { fileError } from '@convoy/protocol/file-error';
import { float32Bytes } from '@convoy/protocol/tensor';
import type { CheckpointCause } from '@convoy/training/coordinator/events';
import { slotsOf } from '@convoy/training/optimizer/optimizer';
import type { OptimizerVectors } from '@convoy/training/optimizer/update-rule';
import {
  CHECKPOINT_FORMAT,
  checkpointName,
  checkpointNames,
  CHECKPOINTS_FOLDER,
  elementsOf,
  encodeState,
  KEPT_PARAMETERS_FILE,
  PARAMETERS_FILE,
  slotFile,
  STATE_FILE,
  type CheckpointName,
  type CheckpointState,
} from './checkpoint.ts';
import { diskFiles, remedyFor, type CheckpointFiles } from './checkpoint-files.ts';
import { faultOf, scoreOf, verifyCheckpoint } from './checkpoint-load.ts';
import { LEFTOVER, removeCheckpoint, writeCheckpoint, writingPath } from './checkpoint-write.ts';
import { staying, type Kept, type RollbackTargets } from './retention.ts';
import type { MonitoredFigure } from '@convoy/training/callbacks/monitor';
import type { ValidationMetric } from '@convoy/training/figures';
import { LockLostError } from './run-lock.ts';
import { stateOf, type CheckpointIdentity, type TrainingState } from './training-state.ts';

export interface CheckpointStoreOptions {
  readonly runFolder: string;
  readonly identity: CheckpointIdentity;
  /** Checkpoints to keep, the best one not counted. Default {@link DEFAULT_KEEP}. */
  readonly keep?: number;
  /** What rollbacks of the run may go back to is kept as well; absent where nothing ever goes back. */
  readonly targets?: RollbackTargets;
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number;
  /** {@link RunLock.assertHeld}: asked right before a checkpoint is put in place or removed. */
  readonly fence: () => Promise<void>;
  /** A checkpoint is in place and on the disk. */
  readonly onWritten: (written: WrittenCheckpoint) => void;
  /**
   * The checkpoint of a step could not be written, or old ones not be removed. A {@link CheckpointError} is one line
   * saying what to do: training goes on, and the next {@link CheckpointStore.save} tries again. A {@link LockLostError}
   * ends the store and should end the server. Anything else is a fault of our own.
   */
  readonly onFailed: (step: number, error: unknown) => void;
  readonly files?: CheckpointFiles;
  /** Bytes that are hashed and written at a time. Default {@link DEFAULT_CHUNK_BYTES}. */
  readonly chunkBytes?: number;
}

/** Why a checkpoint is written. */
export type SaveCause = CheckpointCause;

/** The figures of the event `checkpoint-saved`. */
export interface WrittenCheckpoint {
  readonly step: number;
  /** Its directory. */
  readonly path: string;
  readonly bytes: number;
  /** From the beginning of its write to its being on the disk. */
  readonly ms: number;
  readonly cause: SaveCause;
}

/** The disk refused: the checkpoints before stay valid, and the next attempt may succeed. */
export class CheckpointError extends OperatorError {
  /** Without what follows for the training. */
  readonly short: string;

  constructor(short: string, consequence: string, cause: unknown) {
    super(`${short}. ${consequence}`, { cause });
    this.short = short;
  }
}

export const DEFAULT_KEEP = 3;

/** Flat vectors that a snapshot is copied into; they are used again and again. */
interface Staging extends OptimizerVectors {
  /** Made when there is something to copy. */
  kept: Float32Array | null;
}

interface Pending {
  readonly cause: SaveCause;
  readonly metric: ValidationMetric;
  readonly staging: Staging;
  readonly state: CheckpointState;
  readonly monitored: MonitoredFigure | null;
}

/**
 * Writes a run's checkpoints, one at a time, in the background. Whatever happens at whatever moment, the newest checkpoint
 * that verifies is the one before or the new one: a directory gets a checkpoint's name when everything in it is on the disk,
 * and an old one loses its name after the new one's is.
 */
export class CheckpointStore {
  readonly #options: CheckpointStoreOptions;
  readonly #files: CheckpointFiles;
  readonly #root: string;
  readonly #elements: number;
  /** The valid checkpoints on the disk, oldest first. */
  #kept: readonly Kept[];
  readonly #freeStagings: Staging[] = [];
  #pending: Pending | null = null;
  /** What was asked for last and could not be written. */
  #failed: Pending | null = null;
  #writing: Promise<void> | null = null;
  /** Another process writes now. */
  #isFenced = false;

  private constructor(options: CheckpointStoreOptions, files: CheckpointFiles, root: string, kept: readonly Kept[]) {
    this.#options = options;
    this.#files = files;
    this.#root = root;
    this.#kept = kept;
    this.#elements = elementsOf(options.identity.tensors);
    // Now, when no worker waits: fresh memory costs more than the copy into it.
    this.#freeStagings.push(this.#emptyStaging());
  }

  /**
   * Makes the folder, removes what killed processes left in it and verifies what is there. The run's lock must be held:
   * another live process's half-written checkpoint looks like a leftover.
   * @throws OperatorError when the folder can't be made or read.
   */
  static async open(options: CheckpointStoreOptions): Promise<CheckpointStore> {
    const files = options.files ?? diskFiles;
    const root = join(options.runFolder, CHECKPOINTS_FOLDER);
    try {
      await files.makeDirectory(root);
      await files.syncDirectory(dirname(root));
      const entries = await files.list(root);
      for (const entry of entries.filter((name) => LEFTOVER.test(name))) await files.remove(join(root, entry));
      const kept: Kept[] = [];
      for (const named of checkpointNames(entries)) {
        const entry = await keptOf(root, named, files);
        if (entry !== null) kept.push(entry);
      }
      return new CheckpointStore(options, files, root, kept);
    } catch (error) {
      throw fileError(error, `can't keep checkpoints in ${root}`);
    }
  }

  /** The step of the newest checkpoint on the disk; null before the first. */
  get newestStep(): number | null {
    return this.#kept.at(-1)?.step ?? null;
  }

  /**
   * Takes a copy of the state and writes it as soon as the write under way is done; a copy that still waits then is
   * replaced by this one, unless it has been evaluated and this one has not. Takes about 3 ms for a million parameters; never throws for what the disk does.
   * @throws RangeError when the vectors are not of the tensor table's length.
   */
  save(state: TrainingState, cause: SaveCause): void {
    if (this.#isFenced) return;
    // What has been evaluated may be the best there is; what has not is not worth losing it.
    if (
      (cause === 'interval' || cause === 'requested') &&
      (this.#pending?.cause === 'validation' || this.#pending?.cause === 'epoch')
    )
      return;
    this.#forgetFailed();
    const staging = this.#pending?.staging ?? this.#freeStagings.pop() ?? this.#emptyStaging();
    staging.kept = state.kept && (staging.kept ?? new Float32Array(this.#elements));
    for (const [name, target] of this.#filesOf(staging)) {
      const source = this.#vectorIn({ ...state.optimizer, kept: state.kept }, name);
      if (source?.length !== this.#elements) {
        throw new RangeError(`${name} has ${source?.length ?? 'no'} elements, not ${this.#elements}`);
      }
      target.set(source);
    }
    const checkpointState = stateOf(this.#options.identity, state);
    const { validationAccuracy, validationMeanAbsoluteError: error, monitored } = state;
    const metric = { validationAccuracy, ...(error === undefined ? {} : { validationMeanAbsoluteError: error }) };
    this.#pending = { cause, staging, state: checkpointState, metric, monitored };
    this.#writing ??= this.#writePending();
  }

  #emptyStaging(): Staging {
    // The system provides a page when it is first written to, even with a zero.
    const vector = () => new Float32Array(this.#elements).fill(0);
    const slots = slotsOf(this.#options.identity.config.optimizer).map((name) => [name, vector()] as const);
    return { parameters: vector(), slots: Object.fromEntries(slots), kept: null };
  }

  /** The vectors under the names of their files. */
  #filesOf({ parameters, slots, kept }: Staging): (readonly [file: string, vector: Float32Array])[] {
    const { name } = this.#options.identity.config.optimizer;
    const slotFiles = Object.entries(slots).map(([slot, vector]) => [slotFile(name, slot), vector] as const);
    return [[PARAMETERS_FILE, parameters], ...slotFiles, ...(kept ? [[KEPT_PARAMETERS_FILE, kept] as const] : [])];
  }

  #vectorIn(vectors: Staging, file: string): Float32Array | undefined {
    return this.#filesOf(vectors).find(([name]) => name === file)?.[1];
  }

  /** Resolves when everything asked for is written, or has failed and been reported. */
  async flush(): Promise<void> {
    while (this.#writing !== null) await this.#writing;
  }

  /**
   * Waits for the writes under way; where the last one failed, writes it again: at the end of a run nothing comes after it.
   * @throws OperatorError, or a fault of our own, if the last one asked for fails this time as well.
   */
  async settle(): Promise<void> {
    await this.flush();
    if (this.#failed === null) return;
    try {
      await this.#write(this.#failed);
    } catch (error) {
      throw error instanceof CheckpointError ? new OperatorError(error.short, { cause: error.cause }) : error;
    }
    this.#forgetFailed();
  }

  async #writePending(): Promise<void> {
    for (let next = this.#pending; next !== null && !this.#isFenced; next = this.#pending) {
      this.#pending = null;
      try {
        await this.#write(next);
        this.#forgetFailed();
        this.#freeStagings.push(next.staging);
      } catch (error) {
        this.#forgetFailed();
        this.#failed = next;
        this.#options.onFailed(next.state.position.step, error);
      }
    }
    this.#writing = null;
  }

  #forgetFailed(): void {
    if (this.#failed !== null) this.#freeStagings.push(this.#failed.staging);
    this.#failed = null;
  }

  async #write({ cause, staging, state, metric, monitored }: Pending): Promise<void> {
    const { now, identity, onWritten, chunkBytes } = this.#options;
    const startedMs = now();
    const { step } = state.position;
    const path = writingPath(this.#root, step);
    let written: Kept;
    let bytes: number;
    try {
      const vectors = this.#filesOf(staging).map(([name, vector]) => [name, float32Bytes(vector)] as const);
      const manifest = {
        format: CHECKPOINT_FORMAT,
        step,
        writtenAt: new Date(startedMs).toISOString(),
        ...metric,
        monitored,
        tensors: identity.tensors.map(({ name, shape, offset, size }) => ({ name, shape: [...shape], offset, size })),
      };
      const contents = [[STATE_FILE, encodeState(state)] as const, ...vectors];
      bytes = await writeCheckpoint(this.#files, { path, contents, manifest, chunkBytes });
      const named = await this.#putInPlace(path, step);
      written = { ...named, score: scoreOf({ ...metric, monitored }), health: state.health };
    } catch (error) {
      // A disk that refuses to write may refuse this too; the next start tries again.
      await this.#files.remove(path).catch(() => {});
      throw this.#explain(error, `can't write the checkpoint of step ${step} to ${this.#root}`);
    }
    onWritten({ step, path: join(this.#root, written.name), bytes, ms: now() - startedMs, cause });
    await this.#prune(written);
  }

  /** Gives a complete directory its checkpoint's name, for good. */
  async #putInPlace(temporary: string, step: number): Promise<CheckpointName> {
    const sameStep = checkpointNames(await this.#files.list(this.#root)).filter((other) => other.step === step);
    const revision = sameStep.length === 0 ? 0 : sameStep.at(-1)!.revision + 1;
    const named = { name: checkpointName(step, revision), step, revision };
    await this.#assertUnfenced();
    await this.#files.rename(temporary, join(this.#root, named.name));
    await this.#files.syncDirectory(this.#root);
    return named;
  }

  /**
   * Removes what does not stay. Damaged checkpoints count for nothing; they go when a newer valid one is there, and stay
   * for inspection until then.
   */
  async #prune(written: Kept): Promise<void> {
    const { keep = DEFAULT_KEEP, targets = null } = this.#options;
    const valid = [...this.#kept, written].sort((a, b) => a.step - b.step || a.revision - b.revision);
    const current = valid.filter(({ step }, index) => valid[index + 1]?.step !== step);
    const stays = staying(current, written.step, keep, targets);
    this.#kept = current.filter((entry) => stays.has(entry));
    try {
      const names = new Set([...stays].map(({ name }) => name));
      const leaving = checkpointNames(await this.#files.list(this.#root)).filter(
        ({ name, step, revision }) =>
          !names.has(name) && (step < written.step || (step === written.step && revision < written.revision)),
      );
      if (leaving.length > 0) await this.#assertUnfenced();
      for (const { name } of leaving) await removeCheckpoint(this.#files, this.#root, name);
    } catch (error) {
      throw this.#explain(error, `can't remove old checkpoints from ${this.#root}`);
    }
  }

  async #assertUnfenced(): Promise<void> {
    try {
      await this.#options.fence();
    } catch (error) {
      // A disk that can't be asked says nothing about who holds the lock.
      if (error instanceof LockLostError) this.#isFenced = true;
      throw error;
    }
  }

  #explain(error: unknown, what: string): unknown {
    if (error instanceof LockLostError || (error as NodeJS.ErrnoException).code === undefined) return error;
    const newest = this.newestStep === null ? 'there is none yet' : `the newest is that of step ${this.newestStep}`;
    return new CheckpointError(`${what}: ${remedyFor(error)}`, `Training goes on; ${newest}`, error);
  }
}

/** What decides whether a checkpoint stays; null when it is damaged. */
async function keptOf(root: string, named: CheckpointName, files: CheckpointFiles): Promise<Kept | null> {
  try {
    const { manifest, state } = await verifyCheckpoint(root, named, files);
    return { ...named, score: scoreOf(manifest), health: state.health };
  } catch (error) {
    // Whoever loads a checkpoint reports the damaged ones; anything but damage is thrown on.
    faultOf(error);
    return null;
  }
}
