import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** What the workspaces depend on and the package does not: it comes with the package, or prepares a clone. */
const LEFT_OUT = new Set(['@tensorflow/tfjs-node', 'assemblyscript', 'preact', 'uplot']);

/**
 * The package.json of the package that people install: what the clone's says of it, and the dependencies of its workspaces at
 * the versions that they ask for.
 *
 * @param {string} root of the clone
 * @param {readonly string[]} imports the packages that the build imports
 */
export function packageManifest(root, imports) {
  const { version, description, license, engines, repository } = readJson(join(root, 'package.json'));
  const versions = versionsIn(root);
  // The version of TensorFlow.js that the tfjs-node in the package takes.
  versions.set('@tensorflow/tfjs-core', versions.get('@tensorflow/tfjs-node'));
  const needed = [...versions.keys()].filter((name) => !LEFT_OUT.has(name)).sort();
  const missing = imports.filter((name) => !needed.includes(name));
  if (missing.length > 0) throw new Error(`no workspace depends on ${missing.join(', ')}, which the package imports`);
  return {
    name: 'tfjs-convoy',
    version,
    description,
    keywords: ['tensorflow', 'tfjs', 'distributed-training', 'machine-learning', 'parameter-server', 'deterministic'],
    license,
    repository,
    type: 'module',
    engines,
    bin: { convoy: 'bin/convoy.mjs' },
    // For what does not read exports.
    main: './dist/index.cjs',
    types: './dist/index.d.ts',
    exports: {
      '.': {
        import: { types: './dist/index.d.ts', default: './dist/index.mjs' },
        require: { types: './dist/index.d.cts', default: './dist/index.cjs' },
      },
      './templates/*': './templates/*',
      './package.json': './package.json',
    },
    imports: {
      '#tfjs-node': './vendor/tfjs-node/dist/index.js',
      '#tfjs-node/proto': './vendor/tfjs-node/dist/proto/api_pb.js',
    },
    dependencies: Object.fromEntries(needed.map((name) => [name, versions.get(name)])),
  };
}

/**
 * The versions that packages, apps and infra ask for of everybody else's packages when they run.
 *
 * @returns {Map<string, string>}
 */
function versionsIn(root) {
  const folders = ['packages', 'apps'].flatMap((group) =>
    readdirSync(join(root, group)).map((name) => join(group, name)),
  );
  const versions = new Map();
  for (const folder of [...folders, 'infra']) {
    const { dependencies = {} } = readJson(join(root, folder, 'package.json'));
    for (const [name, version] of Object.entries(dependencies)) {
      if (name.startsWith('@convoy/') || name === 'tfjs-convoy') continue;
      const other = versions.get(name) ?? version;
      if (other !== version) throw new Error(`${folder} depends on ${name} ${version}, another workspace on ${other}`);
      versions.set(name, version);
    }
  }
  return versions;
}

const readJson = (file) => JSON.parse(readFileSync(file, 'utf8'));
