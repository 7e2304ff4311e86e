import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import { rollup } from 'rollup';
import { dts } from 'rollup-plugin-dts';

/**
 * Writes the types of a TypeScript module, and of all of the workspace that they mention, as one file of declarations.
 *
 * @param {string} root of the clone
 * @param {string} project the workspace with the module: its tsconfig.json applies
 * @param {string} entry the module's path in the project
 * @param {readonly string[]} files where the declarations go
 * @returns {Promise<readonly string[]>} the packages that they import
 */
export async function writeDeclarations(root, project, entry, files) {
  const folder = join(root, project);
  const build = await rollup({
    input: join(folder, entry),
    plugins: [workspaceSources(root), dts({ tsconfig: join(folder, 'tsconfig.json') })],
    onwarn(warning) {
      // What is unresolved is a package, and is returned.
      if (warning.code !== 'UNRESOLVED_IMPORT') throw new Error(`the declarations: ${warning.message}`);
    },
  });
  try {
    for (const file of files) await build.write({ file });
    const { output } = await build.generate({});
    return output.flatMap((chunk) => (chunk.type === 'chunk' ? chunk.imports : []));
  } finally {
    await build.close();
  }
}

/** Modules of the workspace are sources, although they are found in node_modules. */
function workspaceSources(root) {
  return {
    name: 'sources of the workspace',
    resolveId(id) {
      const [, name, path] = /^(@convoy\/[^/]+)\/(.+)$/.exec(id) ?? [];
      return name === undefined ? null : join(realpathSync(join(root, 'node_modules', name)), 'src', `${path}.ts`);
    },
  };
}
