import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { extname } from 'node:path';
import { OperatorError } from '@convoy/protocol/errors';
import { fileError } from '@convoy/protocol/file-error';
import { pngOf } from './png.ts';

/**
 * Writes a picture as what the path's ending says: `.svg` as it is, `.png` painted. A file that is there is replaced, by
 * the whole new one or not at all.
 * @throws OperatorError when the ending is another one, or the file can't be written.
 */
export function writePicture(path: string, svg: string): void {
  const content = contentFor(path, svg);
  const temporary = `${path}.partial`;
  try {
    writeFileSync(temporary, content);
    renameSync(temporary, path);
  } catch (cause) {
    removeIfThere(temporary);
    throw fileError(cause, `can't write ${path}`);
  }
}

/** Where nothing could be written there may be nothing that can be looked at either. */
function removeIfThere(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // The writing's own error is the one to tell.
  }
}

/** @throws OperatorError when a picture can't be written under this name: to be told before any work is done. */
export function assertPictureName(path: string): void {
  const extension = extname(path).toLowerCase();
  if (extension !== '.svg' && extension !== '.png') {
    throw new OperatorError(`${path}: a picture's name must end in .png or .svg`);
  }
}

function contentFor(path: string, svg: string): string | Uint8Array {
  assertPictureName(path);
  return extname(path).toLowerCase() === '.svg' ? svg : pngOf(svg);
}
