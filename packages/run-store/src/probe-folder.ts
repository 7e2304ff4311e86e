import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Makes a file in a folder and removes it: modes do not tell what an immutable folder, a read-only disk or a full one refuses.
 * @throws the file system's error.
 */
export function probeFolder(path: string): void {
  const file = join(path, `.convoy-probe-${process.pid}`);
  writeFileSync(file, '');
  rmSync(file);
}
