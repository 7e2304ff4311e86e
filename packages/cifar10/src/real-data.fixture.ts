import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { OFFICIAL_LAYOUT } from './binary.ts';
import { unpackArchive } from './unpack-archive.ts';

/**
 * The folder of the real CIFAR-10: the one that is named, or an archive beside the workspace, unpacked; undefined where neither is.
 * @param named CIFAR10_DIR.
 */
export async function realData(
  named: string | undefined,
  newFolder: () => string | Promise<string>,
): Promise<string | undefined> {
  if (named) return named;
  const archive = fileURLToPath(new URL('../../../../shared/data/cifar-10-binary.tar.gz', import.meta.url));
  if (!existsSync(archive)) return undefined;
  const folder = await newFolder();
  await unpackArchive(archive, folder, OFFICIAL_LAYOUT);
  return folder;
}
