import { closeSync, openSync, readSync } from 'node:fs';
import { basename, extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { recipes } from '@convoy/cifar10/recipes';
import { placeArchitecture, type Architecture, type Model } from '@convoy/model/architecture';
import { checkLayers } from '@convoy/model/check-layers';
import type { Dataset } from '@convoy/model/dataset';
import type { DataOptions, LoadedWorkload } from '@convoy/model/loaded-workload';
import { LOSSES, METRIC_OF } from '@convoy/model/loss';
import { exitCodes, OperatorError } from '@convoy/protocol/errors';
import { fileError } from '@convoy/protocol/file-error';
import { nearestName } from '@convoy/protocol/wrong-value';
import { withoutGreeting } from './greeting.ts';
import { faultOfFiles, openFiles } from './workload-files.ts';
import { architectureOf, isLayersModel, notTaken } from './layers-model.ts';
import { rescalingNote } from './workload-notes.ts';
import { findOwnPackageFor, OWN_PACKAGE, ownEntries } from './own-package.ts';
import { openWorkloadDataset } from './workload-dataset.ts';
import type { Workload, WorkloadModel } from '@convoy/model/workload';

const FIELDS: readonly string[] = [
  'name',
  'model',
  'inputType',
  'loss',
  'metrics',
  'files',
  'dataset',
  'settings',
] satisfies (keyof Workload)[];
const NAME = /^[a-z0-9][a-z0-9-]{0,39}$/;
const loaded = new Map<string, Promise<LoadedWorkload>>();

/**
 * Runs the file of a workload, once in a process, and takes what it exports. TypeScript is compiled on the way, types unchecked.
 * @throws OperatorError in one line that names the file and what is wrong with it.
 */
export function loadWorkload(file: string): Promise<LoadedWorkload> {
  const path = resolve(file);
  let workload = loaded.get(path);
  if (workload === undefined) loaded.set(path, (workload = load(path)));
  return workload;
}

async function load(path: string): Promise<LoadedWorkload> {
  const workload = checked(path, await withoutGreeting(() => importDefault(path)));
  const { name, loss, inputType, settings = {} } = workload;
  let model: Model;
  const modelNotes: string[] = [];
  try {
    const given = await withoutGreeting(() =>
      typeof workload.model === 'function' ? workload.model() : workload.model,
    );
    model = placeArchitecture(withInputType(architectureFrom(given), inputType), loss);
    if (isLayersModel(given)) modelNotes.push(notTaken(given));
    const rescaling = rescalingNote(model);
    if (rescaling !== null) modelNotes.push(rescaling);
  } catch (cause) {
    throw wrong(path, `its model: ${messageOf(cause)}`, cause);
  }
  const open = async (options: DataOptions): Promise<Dataset> => {
    try {
      const files = workload.files === undefined ? undefined : await openFiles(path, workload.files, options);
      const paths = Object.fromEntries((files ?? []).map((file) => [file.name, file.path]));
      const opened = await withoutGreeting(() => workload.dataset(paths));
      const dataset = { ...openWorkloadDataset(name, opened, model), ...(files === undefined ? {} : { files }) };
      const notes = [...modelNotes, ...(dataset.notes ?? [])].map((note) => `${basename(path)}: ${note}`);
      return { ...dataset, notes, read: (...place) => reading(path, () => dataset.read(...place)) };
    } catch (cause) {
      throw wrong(path, `its dataset: ${messageOf(cause)}`, cause);
    }
  };
  // Once in a process, where server and worker may both ask: all samples may have to be read for its fingerprint.
  let opened: Promise<Dataset> | null = null;
  return {
    name,
    models: { workload: model },
    recipes,
    datasets: {},
    settings: { ...settings, model: 'workload', dataset: { name: 'workload', workload: name } },
    owns: (named) => named.name === 'workload' && named.workload === name,
    namesOf: () => ({ run: name, model: name }),
    openDataset: (_, options) => (opened ??= open(options)),
  };
}

/** A sample that can't be read is the file's fault, whenever it is found. */
function reading<Truth>(path: string, read: () => Truth): Truth {
  try {
    return read();
  } catch (cause) {
    throw wrong(path, `its dataset: ${messageOf(cause)}`, cause);
  }
}

async function importDefault(path: string): Promise<unknown> {
  assertReadable(path);
  try {
    findOwnPackageFor(path);
    const { default: exported } = await importModule(path);
    // A CommonJS file's exports are the default of its module, and its own default is among them.
    return typeof exported === 'object' && exported !== null && 'default' in exported ? exported.default : exported;
  } catch (cause) {
    throw wrong(path, hintFor(cause as Error) ?? `it can't be loaded: ${messageOf(cause)}`, cause);
  }
}

async function importModule(path: string): Promise<{ readonly default?: unknown }> {
  const own = ownEntries();
  if (/^\.c[jt]s$/.test(extname(path)) && extname(own.require) !== '.cjs') {
    // In a clone, whose `tfjs-convoy` is no CommonJS.
    return { default: (await import('tsx/cjs/api')).require(path, import.meta.url) as unknown };
  }
  const url = pathToFileURL(path).href;
  const isTypeScript = [path, own.import].some((file) => /^\.[cm]?tsx?$/.test(extname(file)));
  return isTypeScript ? (await import('tsx/esm/api')).tsImport(url, import.meta.url) : import(url);
}

/** What to change, where the import that failed is a known one. */
function hintFor({ message }: Error): string | null {
  const [missing] = /@convoy\/[\w-]+(\/[\w/-]+)?/.exec(message.split('\n')[0]!) ?? [];
  if (missing !== undefined && /Cannot find/.test(message)) {
    return `it imports ${missing}, which is now: import { defineWorkload } from '${OWN_PACKAGE}'`;
  }
  if (/tfjs-node|tfjs_binding/.test(message)) {
    return `its @tensorflow/tfjs-node does not load: import @tensorflow/tfjs, Convoy computes with a TensorFlow of its own`;
  }
  return null;
}

/** What an import would say of a file that is not there, or is a folder, names Node's own modules. @throws OperatorError */
function assertReadable(path: string): void {
  try {
    const file = openSync(path, 'r');
    try {
      readSync(file, Buffer.alloc(1));
    } finally {
      closeSync(file);
    }
  } catch (cause) {
    throw fileError(cause, `can't read the workload's file ${path}`, { exitCode: exitCodes.data });
  }
}

/** @throws OperatorError naming the first field that is not as it must be. */
function checked(path: string, exported: unknown): Workload {
  if (typeof exported !== 'object' || exported === null) {
    throw wrong(path, 'its default export must be a workload: see defineWorkload in docs/workloads.md');
  }
  const workload = exported as Workload;
  const { name, model, inputType, loss, metrics, dataset, files } = workload;
  const demand = (isRight: boolean, what: string) => {
    if (!isRight) throw wrong(path, what);
  };
  const strange = Object.keys(workload).find((field) => !FIELDS.includes(field));
  if (strange !== undefined) {
    const near = nearestName(strange, FIELDS);
    const hint = near === undefined ? `it has ${FIELDS.join(', ')}` : `did you mean "${near}"?`;
    throw wrong(path, `a workload has no field "${strange}"; ${hint}`);
  }
  demand(typeof name === 'string' && NAME.test(name), 'name must be of lower-case letters, digits and hyphens');
  demand(typeof model === 'function' || (typeof model === 'object' && model !== null), 'model must be layers, a LayersModel or a function that gives one'); // prettier-ignore
  demand(inputType === 'uint8' || inputType === 'float32', 'inputType must be "uint8" or "float32"');
  demand(LOSSES.includes(loss), `loss must be one of ${LOSSES.join(', ')}`);
  const fileFault = faultOfFiles(files);
  demand(fileFault === null, fileFault ?? '');
  demand(typeof dataset === 'function', 'dataset must be a function that opens the data');
  const [metric, ...more] = metrics ?? [METRIC_OF[loss]];
  demand(metric === METRIC_OF[loss] && more.length === 0, `metrics must be ["${METRIC_OF[loss]}"] with the loss ${loss}`); // prettier-ignore
  return workload;
}

function architectureFrom(model: WorkloadModel): Architecture {
  if (isLayersModel(model)) return architectureOf(model);
  if (Array.isArray(model)) return checkLayers(model);
  throw new RangeError('it must be a list of layers or a LayersModel');
}

function withInputType([first, ...rest]: Architecture, inputType: Workload['inputType']): Architecture {
  if (first?.type !== 'input') throw new RangeError('the first layer must be the input');
  const { dtype = inputType, ...input } = first;
  if (dtype !== inputType) throw new RangeError(`${first.name} has the dtype ${dtype}, and inputType is ${inputType}`);
  return [inputType === 'float32' ? { ...input, dtype } : input, ...rest];
}

function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0]!;
}

function wrong(path: string, what: string, cause?: unknown): OperatorError {
  return new OperatorError(`--workload ${basename(path)}: ${what}`, { exitCode: exitCodes.data, cause });
}
