import { builtinModules } from 'node:module';

const builtins = new Set(builtinModules);

/**
 * @param {import('esbuild').Metafile} metafile of a build
 * @returns {readonly string[]} the names of the packages that were left outside
 */
export function importsOf({ outputs }) {
  const paths = Object.values(outputs).flatMap(({ imports }) => imports.filter(({ external }) => external));
  return [...new Set(paths.map(({ path }) => packageOf(path)).filter((name) => name !== null))].sort();
}

/** The package that a module belongs to by its name; null of Node's own modules, of paths and of names with #. */
function packageOf(specifier) {
  if (/^(node:|[.#/])/.test(specifier) || builtins.has(specifier)) return null;
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}
