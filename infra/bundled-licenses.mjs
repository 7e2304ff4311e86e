import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The licences of what was bundled, as a text.
 * @param {import('esbuild').Metafile} metafile of the build
 * @param {string} root of the clone
 */
export function licensesOf(metafile, root) {
  const texts = packagesOf(metafile, root).map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const file = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each));
    const text = file === undefined ? '' : `\n${readFileSync(join(folder, file), 'utf8').trim()}\n`;
    return `${name} ${version} (${license})\n${text}`;
  });
  return `This folder holds, bundled by Convoy:\n\n${texts.join('\n\n')}`;
}

/** The folders of the packages whose modules were bundled. */
function packagesOf({ inputs }, root) {
  // What a package's own settings leave out of a browser's bundle is listed too.
  const paths = Object.keys(inputs).filter((path) => !path.startsWith('(disabled):'));
  const folders = paths.map((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(path)?.[0]);
  return [...new Set(folders.filter((folder) => folder !== undefined))].sort().map((folder) => join(root, folder));
}
