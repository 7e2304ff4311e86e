import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { OperatorError } from '@convoy/protocol/errors';
import { withNamesFor, type Consumer, type Renaming } from './consumer-names.ts';
import { assertFree, writeExport, type ExportContent } from './export-files.ts';
import { EXPORT_ENDINGS, type ExportFormat } from './formats.ts';
import { kerasArchive } from './keras-archive.ts';
import { kerasWeights } from './keras-weights.ts';
import { layersModelFiles } from './layers-model.ts';
import { safetensorsFile } from './safetensors.ts';
import type { TrainedModel } from './trained-model.ts';

/** A file that was written. */
export interface ExportedFile {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

export interface ExportTarget {
  readonly format: ExportFormat;
  /** The file, or the folder of a LayersModel. */
  readonly out: string;
  /** Replaces an export that is there. */
  readonly force: boolean;
}

/** What an export came to. */
export interface Exported {
  readonly files: readonly ExportedFile[];
  /** Layers that are called otherwise in the files, because what opens them refuses their names. */
  readonly renamed: readonly Renaming[];
}

/**
 * Writes a trained model down in a format.
 * @returns what was written, and under what names where they are not the model's.
 * @throws OperatorError when the name is no name for this format, something is there, or the disk refuses.
 */
export async function exportModel(trained: TrainedModel, target: ExportTarget): Promise<Exported> {
  const { out, force } = target;
  assertTarget(target);
  const consumer = CONSUMERS[target.format];
  const { trained: fitting, renamed } = withNamesFor(consumer, trained);
  const content = await contentOf(fitting, target);
  writeExport(out, content, { force });
  const files =
    content instanceof Uint8Array
      ? [fileOf(out, content)]
      : Array.from(content, ([name, bytes]) => fileOf(join(out, name), bytes));
  return { files, renamed };
}

const CONSUMERS: Readonly<Record<ExportFormat, Consumer>> = {
  'layers-model': 'tensorflow.js',
  safetensors: 'safetensors',
  keras: 'keras',
};

/** @throws OperatorError when an export can't be written there: to be told before any work is done. */
function assertTarget({ format, out, force }: ExportTarget): void {
  const endings = EXPORT_ENDINGS[format];
  if (endings !== null && !endings.some((ending) => out.endsWith(ending))) {
    throw new OperatorError(`${out}: a name for ${format} must end in ${endings.join(' or ')}`);
  }
  assertFree(out, { isFolder: endings === null, force });
}

async function contentOf(trained: TrainedModel, { format, out }: ExportTarget): Promise<ExportContent> {
  switch (format) {
    case 'layers-model':
      return layersModelFiles(trained);
    case 'safetensors':
      return safetensorsFile(trained);
    case 'keras':
      return out.endsWith('.weights.h5') ? kerasWeights(trained) : kerasArchive(trained);
  }
}

function fileOf(path: string, bytes: Uint8Array): ExportedFile {
  return { path, bytes: bytes.byteLength, sha256: createHash('sha256').update(bytes).digest('hex') };
}
