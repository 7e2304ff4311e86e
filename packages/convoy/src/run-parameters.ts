import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { exitCodes, OperatorError } from '@convoy/protocol/errors';
import { fileError } from '@convoy/protocol/file-error';
import type { RunConfig } from '@convoy/protocol/run-config';
import { readFloat32 } from '@convoy/protocol/tensor';
import type { Model } from '@convoy/model/architecture';
import {
  CHECKPOINTS_FOLDER,
  checkpointNames,
  PARAMETERS_FILE,
  type CheckpointName,
} from '@convoy/run-store/checkpoint';
import { diskFiles } from '@convoy/run-store/checkpoint-files';
import {
  faultOf,
  listCheckpoints,
  loadNewestCheckpoint,
  verifyCheckpoint,
  type LoadedCheckpoint,
} from '@convoy/run-store/checkpoint-load';
import { readConfig, type ParametersFile } from '@convoy/run-store/run-folder';
import { modelOf, workloadOf } from '@convoy/workload/open-workload';

/** Parameters that a run has left, verified to the last byte. */
export interface RunParameters {
  readonly config: RunConfig;
  readonly model: Model;
  /** The checkpoint's name; null for what the run ended with. */
  readonly checkpoint: string | null;
  readonly step: number;
  /** The flat vector. */
  readonly values: Float32Array;
  readonly sha256: string;
}

/**
 * @param wanted undefined for the run's last parameters, which it has when it has ended; else a checkpoint's name, `best`
 * for the one that is the best by the figure that the run monitors, or `newest` for the newest that verifies.
 * @param workload the file of the run's workload, where it trained one.
 * @throws OperatorError when they are not there, or not what was written.
 */
export async function readRunParameters(
  folder: string,
  wanted: string | undefined,
  workload?: string,
): Promise<RunParameters> {
  const config = readConfig(folder);
  const model = await modelOf(config, workload);
  if (wanted === undefined) return { config, model, checkpoint: null, ...readFinal(folder, model) };
  const { path, state, manifest, optimizer } = await readCheckpoint(folder, wanted);
  assertModel(folder, model, state.modelHash);
  return {
    config,
    model,
    checkpoint: path.slice(join(folder, CHECKPOINTS_FOLDER).length + 1),
    step: manifest.step,
    values: optimizer.parameters,
    sha256: manifest.files[PARAMETERS_FILE]!.sha256,
  };
}

async function readCheckpoint(folder: string, wanted: string): Promise<LoadedCheckpoint> {
  if (wanted === 'newest') {
    const { checkpoint } = await loadNewestCheckpoint(folder, {});
    if (checkpoint === null) throw wrong(`${folder} has no checkpoint yet`);
    return checkpoint;
  }
  const root = join(folder, CHECKPOINTS_FOLDER);
  const named = wanted === 'best' ? await bestName(folder) : await existingName(root, wanted);
  try {
    return await verifyCheckpoint(root, named, diskFiles);
  } catch (cause) {
    throw wrong(`checkpoint ${named.name} is damaged: ${faultOf(cause)}; convoy checkpoints lists the others`, cause);
  }
}

async function bestName(folder: string): Promise<CheckpointName> {
  const best = (await listCheckpoints(folder)).find(({ isBest }) => isBest);
  if (best === undefined) {
    throw wrong(`no checkpoint in ${folder} was validated, so none is the best: name one, or say --checkpoint newest`);
  }
  return checkpointNames([best.name])[0]!;
}

async function existingName(root: string, wanted: string): Promise<CheckpointName> {
  const names = checkpointNames(await diskFiles.list(root));
  const named = names.find(({ name }) => name === wanted);
  if (named !== undefined) return named;
  const there = names.length === 0 ? 'there are none' : `there are ${names.map(({ name }) => name).join(', ')}`;
  throw wrong(`no checkpoint in ${root} is called ${wanted}: ${there}`);
}

/** @throws OperatorError when the folder holds no finished run, or its files are not what they were. */
function readFinal(folder: string, model: Model): Pick<RunParameters, 'step' | 'values' | 'sha256'> {
  const read = (name: string): Buffer => {
    try {
      return readFileSync(join(folder, name));
    } catch (cause) {
      const path = join(folder, name);
      throw fileError(cause, `can't read ${path}`, {
        exitCode: exitCodes.data,
        ...((cause as NodeJS.ErrnoException).code === 'ENOENT' && { remedy: RUN_HAS_NOT_ENDED }),
      });
    }
  };
  let table: ParametersFile;
  const text = read('parameters.json').toString();
  try {
    table = JSON.parse(text) as ParametersFile;
  } catch (cause) {
    throw wrong(`${join(folder, 'parameters.json')} is not JSON: it was changed or cut`, cause);
  }
  const bytes = read('parameters.bin');
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  if (bytes.byteLength !== table.bytes || sha256 !== table.sha256) {
    throw wrong(
      `${join(folder, 'parameters.bin')} is damaged: its table says ${table.bytes} bytes, sha256 ${table.sha256}; found ${bytes.byteLength}, ${sha256}`,
    );
  }
  assertModel(folder, model, table.modelHash);
  return { step: table.step, values: readFloat32(bytes), sha256 };
}

const RUN_HAS_NOT_ENDED = 'a run has it when it has ended: name such a run, or a --checkpoint';

function assertModel(folder: string, { hash }: Model, modelHash: string): void {
  if (modelHash === hash) return;
  throw wrong(`the run in ${folder} trained another model than this version of Convoy, or the workload, has`);
}

function wrong(line: string, cause?: unknown): OperatorError {
  return new OperatorError(line, { exitCode: exitCodes.data, cause });
}

/**
 * The names of a run's classes, in label order; none where it trains on values. Those of CIFAR-10 are known without its files.
 * @param file `--workload`, for a run that has one.
 */
export async function classNamesOf({ dataset }: RunConfig, file?: string): Promise<readonly string[]> {
  const workload = await workloadOf({ dataset }, file);
  const known = workload.classNames?.(dataset);
  return known ?? (await workload.openDataset(dataset, { environment: process.env })).classNames;
}
