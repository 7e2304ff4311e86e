import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import type { OfferedModel } from '@convoy/dashboard/replay/offered-model';
import type { ModelSource } from '@convoy/dashboard/serve/model-routes';
import { withNamesFor } from '@convoy/export/consumer-names';
import { layersModelFiles } from '@convoy/export/layers-model';
import type { Model } from '@convoy/model/architecture';
import { OperatorError } from '@convoy/protocol/errors';
import { readFloat32 } from '@convoy/protocol/tensor';
import {
  CheckpointFault,
  CHECKPOINTS_FOLDER,
  checkpointNames,
  MANIFEST_FILE,
  PARAMETERS_FILE,
  parseManifest,
  parseState,
  STATE_FILE,
  type CheckpointManifest,
} from '@convoy/run-store/checkpoint';
import { diskFiles } from '@convoy/run-store/checkpoint-files';
import { bestOf, scoreOf } from '@convoy/run-store/checkpoint-load';
import { readConfig, readRunId } from '@convoy/run-store/run-folder';
import type { PreparedRun } from '@convoy/server/prepare-run';
import { modelOf } from '@convoy/workload/open-workload';
import { imageSamples } from '@convoy/model/image-samples';
import { classNamesOf } from './run-parameters.ts';

/** What a run trains, where it is known already. */
export interface Trained {
  readonly model: Model;
  readonly classNames: readonly string[];
}

/** Larger models are for `convoy export`: a browser would compute them for minutes. */
const MAX_BYTES = 128 * 2 ** 20;
/** Models that are kept in memory. */
const MAX_KEPT = 2;
/** Read and digested at a time: training on the same thread waits for no more. */
const PIECE_BYTES = 256 * 1024;

type Files = ReadonlyMap<string, Uint8Array>;

/**
 * The models of runs as TensorFlow.js opens them, made from their checkpoints when somebody asks, one after another.
 * @param trained of the only run, which may train now. Without it, those of the workloads that Convoy brings.
 */
export function offeredModels(trained?: Trained): ModelSource {
  const kept = new Map<string, Promise<Files>>();
  let last: Promise<unknown> = Promise.resolve();
  return {
    async offer(folder) {
      const about = await aboutRun(folder, trained);
      return about === null ? null : offerOf(folder, about);
    },
    async files(folder, checkpoint) {
      const about = await aboutRun(folder, trained);
      if (about === null || !(await namesIn(folder)).includes(checkpoint)) return null;
      const key = join(folder, checkpoint);
      let files = kept.get(key);
      if (files === undefined) {
        files = last.then(() => filesOf(folder, checkpoint, about));
        last = files.catch(() => {});
        kept.set(key, files);
        for (const old of [...kept.keys()].slice(0, -MAX_KEPT)) kept.delete(old);
      }
      try {
        return await files;
      } catch (error) {
        kept.delete(key);
        // The run may have removed it meanwhile, or its disk may have damaged it: there is none, for who asks.
        if (error instanceof CheckpointFault || (error as NodeJS.ErrnoException).code !== undefined) return null;
        throw error;
      }
    },
  };
}

/** The models of a run that this process serves: of any workload. */
export function modelsOf({ model, dataset }: Pick<PreparedRun, 'model' | 'dataset'>): ModelSource {
  return offeredModels({ model, classNames: dataset.classNames });
}

/** Null where it is nothing that images can be tried with. */
async function aboutRun(
  folder: string,
  trained: Trained | undefined,
): Promise<(Trained & Pick<OfferedModel, 'size' | 'channels'>) | null> {
  try {
    const config = readConfig(folder);
    const { model, classNames } = trained ?? {
      model: await modelOf(config),
      classNames: await classNamesOf(config),
    };
    return classNames.length === 0 ? null : { model, classNames, ...imageSamples(model.input) };
  } catch (error) {
    // Another workload's, or samples that are no images.
    if (error instanceof OperatorError) return null;
    throw error;
  }
}

async function offerOf(
  folder: string,
  { classNames, size, channels }: NonNullable<Awaited<ReturnType<typeof aboutRun>>>,
): Promise<OfferedModel | null> {
  const found: { readonly name: string; readonly manifest: CheckpointManifest; readonly score: number | null }[] = [];
  for (const name of await namesIn(folder)) {
    const manifest = await readManifest(folder, name).catch(() => null);
    if (manifest !== null) found.push({ name, manifest, score: scoreOf(manifest) });
  }
  const best = bestOf(found);
  const chosen = best ?? found.at(-1);
  const bytes = chosen?.manifest.files[PARAMETERS_FILE]?.bytes ?? Infinity;
  if (chosen === undefined || bytes > MAX_BYTES) return null;
  return {
    ...{ checkpoint: chosen.name, step: chosen.manifest.step, isBest: best !== null, bytes },
    ...{ classNames, size, channels },
  };
}

async function namesIn(folder: string): Promise<readonly string[]> {
  return checkpointNames(await diskFiles.list(join(folder, CHECKPOINTS_FOLDER))).map(({ name }) => name);
}

async function readManifest(folder: string, name: string): Promise<CheckpointManifest> {
  return parseManifest(await diskFiles.read(join(folder, CHECKPOINTS_FOLDER, name, MANIFEST_FILE)));
}

/** @throws CheckpointFault when it is not what was written, or another model's; or the file system's error. */
async function filesOf(folder: string, checkpoint: string, { model, classNames }: Trained): Promise<Files> {
  const path = join(folder, CHECKPOINTS_FOLDER, checkpoint);
  const manifest = await readManifest(folder, checkpoint);
  const entry = manifest.files[PARAMETERS_FILE];
  const state = parseState(await diskFiles.read(join(path, STATE_FILE)));
  if (state.modelHash !== model.hash) throw new CheckpointFault('it is of another model');
  if (entry === undefined || entry.bytes > MAX_BYTES) throw new CheckpointFault('it has no parameters to send');
  const values = readFloat32(await readInPieces(join(path, PARAMETERS_FILE), entry));
  const origin = {
    ...{ run: readRunId(folder), step: manifest.step, parametersSha256: entry.sha256, classNames },
    input: 'bytes, each value / 255; of an image its pixels, row by row',
  };
  const { trained } = withNamesFor('tensorflow.js', { name: state.config.model, model, values, origin });
  return layersModelFiles(trained);
}

async function readInPieces(
  path: string,
  { bytes, sha256 }: { readonly bytes: number; readonly sha256: string },
): Promise<Uint8Array> {
  const content = new Uint8Array(bytes);
  const hash = createHash('sha256');
  let at = 0;
  for await (const piece of createReadStream(path, { highWaterMark: PIECE_BYTES }) as AsyncIterable<Buffer>) {
    if (at + piece.byteLength > bytes) throw new CheckpointFault(`${path} is longer than what was written`);
    content.set(piece, at);
    hash.update(piece);
    at += piece.byteLength;
  }
  if (at !== bytes || hash.digest('hex') !== sha256) throw new CheckpointFault(`${path} is not what was written`);
  return content;
}
